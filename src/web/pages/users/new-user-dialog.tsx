import type { FormEvent } from "react";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { InvitedUser, PasswordLink } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";
import { memberRoles } from "../teams/team-words.ts";

export function NewUserDialog({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (link: PasswordLink) => void;
}) {
  const { me } = useMe();
  const make = useChange((body: unknown) => call<InvitedUser>("POST", "/users", { body }));
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const body = {
      email: text("email"),
      role: text("role"),
      ...(text("name") !== "" && { name: text("name") }),
      ...(text("team") !== "" && { teams: [{ team: text("team"), role: text("teamRole") }] }),
    };
    await make.mutateAsync(body).then(onMade, () => {});
  }
  return (
    <Dialog title="New user" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <TextField label="E-mail address" name="email" type="email" required autoFocus />
        <TextField label="Name" name="name" hint="What stands before the @, if empty." />
        <SelectField
          label="On this server"
          name="role"
          defaultValue="member"
          choices={[
            { value: "member", label: "Member" },
            { value: "admin", label: "Administrator, who may do everything" },
          ]}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="Team"
            name="team"
            defaultValue={me.teams[0]?.slug}
            choices={[
              ...me.teams.map(({ slug, name }) => ({ value: slug, label: name })),
              { value: "", label: "None for now" },
            ]}
          />
          <SelectField label="Role in the team" name="teamRole" defaultValue="member" choices={memberRoles} />
        </div>
        <div aria-live="polite">{make.error && <Failure error={make.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>
            Create user
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}
