import { useState } from "react";
import { call } from "../../api/call.ts";
import { useChange, useList } from "../../api/queries.ts";
import type { PasswordLink, User } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { EditUserDialog } from "./edit-user-dialog.tsx";
import { LinkDialog } from "./link-dialog.tsx";
import { NewUserDialog } from "./new-user-dialog.tsx";

type Open =
  | { kind: "new" }
  | { kind: "edit" | "reset" | "delete"; user: User }
  | { kind: "link"; link: PasswordLink };

export function UsersPage() {
  const { me } = useMe();
  const users = useList<User>("/users");
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const remove = useChange((id: string) => call("DELETE", `/users/${id}`));
  return (
    <>
      <PageTitle
        title="Users"
        intro="Who may sign in. larder sends no mail: you hand over the link that it makes."
      >
        <Button look="primary" onClick={() => setOpen({ kind: "new" })}>
          New user
        </Button>
      </PageTitle>
      <Card isFlush>
        <ListRows
          caption="Users"
          list={users}
          keyOf={({ id }) => id}
          empty={<Empty title="Nobody yet">Make an account for each who shall look at this.</Empty>}
          columns={[
            {
              title: "Name",
              cell: ({ id, name, email }) => (
                <span className="[overflow-wrap:anywhere]">
                  {name || email} {id === me.user?.id && <span className="text-soft">(you)</span>}
                  {name && <span className="block font-normal text-soft">{email}</span>}
                </span>
              ),
            },
            {
              title: "Role",
              cell: ({ role, state }) => (
                <span className="flex flex-wrap gap-1">
                  {role === "admin" ? (
                    <Badge>administrator</Badge>
                  ) : (
                    <span className="text-soft">member</span>
                  )}
                  {state === "disabled" && <Badge tone="bad">disabled</Badge>}
                </span>
              ),
            },
            {
              title: "Teams",
              cell: ({ teams }) => teams.map(({ team, role }) => `${team} (${role})`).join(", ") || null,
            },
            {
              title: "Signed in",
              isNumber: true,
              cell: ({ lastSignInAt }) => <When at={lastSignInAt} never="not yet" />,
            },
            {
              title: "",
              isNumber: true,
              cell: (user) => (
                <span className="flex flex-wrap gap-2 md:justify-end xl:flex-nowrap">
                  <Button isSmall onClick={() => setOpen({ kind: "edit", user })}>
                    Edit<span className="sr-only"> {user.email}</span>
                  </Button>
                  {user.id !== me.user?.id && (
                    <>
                      <Button isSmall onClick={() => setOpen({ kind: "reset", user })}>
                        Reset link<span className="sr-only"> for {user.email}</span>
                      </Button>
                      <Button isSmall look="danger" onClick={() => setOpen({ kind: "delete", user })}>
                        Delete<span className="sr-only"> {user.email}</span>
                      </Button>
                    </>
                  )}
                </span>
              ),
            },
          ]}
        />
      </Card>
      {open?.kind === "new" && (
        <NewUserDialog onClose={close} onMade={(link) => setOpen({ kind: "link", link })} />
      )}
      {open?.kind === "edit" && <EditUserDialog user={open.user} onClose={close} />}
      {open?.kind === "link" && <LinkDialog link={open.link} onClose={close} />}
      {open?.kind === "reset" && (
        <ResetDialog user={open.user} onClose={close} onMade={(link) => setOpen({ kind: "link", link })} />
      )}
      {open?.kind === "delete" && (
        <Confirm
          title={`Delete ${open.user.name || open.user.email}?`}
          action="Delete user"
          onConfirm={() => remove.mutateAsync(open.user.id)}
          onClose={close}
        >
          <p>Their tokens and sessions end at once. What they did stays in the audit log.</p>
        </Confirm>
      )}
    </>
  );
}

function ResetDialog({
  user,
  onClose,
  onMade,
}: {
  user: User;
  onClose: () => void;
  onMade: (link: PasswordLink) => void;
}) {
  const reset = useChange(() => call<PasswordLink>("POST", `/users/${user.id}/reset-link`));
  return (
    <Confirm
      title={`A link for ${user.email}?`}
      action="Make the link"
      onConfirm={() => reset.mutateAsync()}
      onDone={onMade}
      onClose={onClose}
    >
      <p>
        With it they choose a new password. Links made before work no more; the old password does until then.
      </p>
    </Confirm>
  );
}
