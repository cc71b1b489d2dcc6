import { type FormEvent, useState } from "react";
import { call } from "../../api/call.ts";
import { useChange, useList } from "../../api/queries.ts";
import type { Member } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { useMe } from "../../shell/me.tsx";
import { memberRoles } from "./team-words.ts";

/** Who is in a team, and as what. */
export function Members({ slug }: { slug: string }) {
  const { me } = useMe();
  const path = `/teams/${encodeURIComponent(slug)}/members`;
  const members = useList<Member>(path);
  const [leaving, setLeaving] = useState<Member>();
  const set = useChange(({ email, role }: { email: string; role: string }) =>
    call("PUT", `${path}/${encodeURIComponent(email)}`, { body: { role } }),
  );
  const remove = useChange((email: string) => call("DELETE", `${path}/${encodeURIComponent(email)}`));

  // What came with single sign-on follows its rules, and only an administrator of the server overrules them.
  const isFixed = ({ source }: Member) => source === "oidc" && !me.isServerAdmin;

  async function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    const wanted = { email: String(form.get("email")).trim(), role: String(form.get("role")) };
    await set.mutateAsync(wanted).then(
      () => element.reset(),
      () => {},
    );
  }

  return (
    <Card title="Members" intro="Owners administer the team, members read and write, viewers read." isFlush>
      <form onSubmit={add} className="grid gap-3 px-4 pb-4 sm:flex sm:flex-wrap sm:items-end sm:px-5">
        <TextField
          className="sm:w-64"
          label="Add by e-mail address"
          name="email"
          type="email"
          required
          placeholder="bob@example.org"
        />
        <SelectField
          label="Role"
          name="role"
          defaultValue="member"
          choices={memberRoles}
          className="sm:w-36"
        />
        <Button type="submit" isBusy={set.isPending}>
          Add
        </Button>
      </form>
      <div aria-live="polite" className={set.error ? "px-4 pb-4" : ""}>
        {set.error && <Failure error={set.error} />}
      </div>
      <ListRows
        caption="Members"
        list={members}
        keyOf={({ email }) => email}
        empty={<Empty title="Nobody yet">Add somebody who has an account on this server.</Empty>}
        columns={[
          {
            title: "Name",
            cell: ({ name, email, source, state }) => (
              <span className="inline-flex flex-wrap items-center gap-1.5 [overflow-wrap:anywhere]">
                {name || email}
                {source === "oidc" && <Badge>single sign-on</Badge>}
                {state === "disabled" && <Badge tone="bad">disabled</Badge>}
              </span>
            ),
          },
          { title: "E-mail", cell: ({ email }) => <span className="[overflow-wrap:anywhere]">{email}</span> },
          {
            title: "Role",
            cell: (member) =>
              isFixed(member) ? (
                memberRoles.find(({ value }) => value === member.role)?.label
              ) : (
                <select
                  aria-label={`Role of ${member.email}`}
                  className="input min-h-8 max-w-36 py-0.5 md:-my-1"
                  value={member.role}
                  onChange={({ target }) => set.mutate({ email: member.email, role: target.value })}
                >
                  {memberRoles.map(({ value, label }) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </select>
              ),
          },
          {
            title: "",
            isNumber: true,
            cell: (member) =>
              !isFixed(member) && (
                <Button isSmall look="danger" onClick={() => setLeaving(member)}>
                  Remove<span className="sr-only"> {member.email}</span>
                </Button>
              ),
          },
        ]}
      />
      {leaving && (
        <Confirm
          title={`Remove ${leaving.name || leaving.email}?`}
          action="Remove"
          onConfirm={() => remove.mutateAsync(leaving.email)}
          onClose={() => setLeaving(undefined)}
        >
          <p>Their own tokens may nothing in this team any more. The team's tokens stay as they are.</p>
        </Confirm>
      )}
    </Card>
  );
}
