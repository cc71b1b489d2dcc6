import { type FormEvent, useState } from "react";
import { apiUrl, call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { CreatedToken, Lines, MyTeam } from "../../api/types.ts";
import { formatLocalMoment, localZone, readLocalDayEnd } from "../../format/time.ts";
import { Button } from "../../parts/button.tsx";
import { CodeLines, Copy } from "../../parts/copy.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";

const dayMs = 86_400_000;
/** Stands for the one who is signed in, where else there is a team. */
const own = "";

/** Stands for a day that is chosen beside it. */
const onDay = "day";

const expiries = [
  { value: "", label: "Never" },
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: onDay, label: "At the end of a day" },
];

/** From the least to the most. */
const permissions = [
  { value: "read", label: "read" },
  { value: "write", label: "write, and read" },
  { value: "admin", label: "admin, and write and read" },
] as const;

/** Creates a token, and shows its secret this once. */
export function NewTokenDialog({ onClose }: { onClose: () => void }) {
  const { me, ownTeams, team, isOwner } = useMe();
  const [holder, setHolder] = useState(team && isOwner(team.slug) ? team.slug : (ownTeams[0]?.slug ?? own));
  const [expires, setExpires] = useState("");
  const make = useChange((body: Record<string, unknown>) => call<CreatedToken>("POST", "/tokens", { body }));
  if (make.data) return <ShownOnce token={make.data} onClose={onClose} />;

  const mayGive = holder === own && !me.isServerAdmin ? upToMost(me.teams) : permissions;

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const expiresAt = expires === onDay ? readLocalDayEnd(text("day")) : inDays(Number(expires));
    make.mutate({
      team: holder === own ? null : holder,
      name: text("name"),
      permission: text("permission"),
      ...(text("scope") !== "" && { scope: text("scope") }),
      ...(expiresAt !== "" && { expiresAt }),
    });
  }

  return (
    <Dialog title="New token" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label="Name"
          name="name"
          required
          maxLength={100}
          autoFocus
          hint="So that you know later what uses it, such as “GitHub Actions of acme/web”."
        />
        <SelectField
          label="Belongs to"
          value={holder}
          onChange={({ target }) => setHolder(target.value)}
          hint={
            holder === own ? "It may in your teams what you may." : "It stays when people leave the team."
          }
          choices={[
            ...ownTeams.map(({ slug, name }) => ({ value: slug, label: `Team ${name}` })),
            { value: own, label: "Yourself" },
          ]}
        />
        <SelectField
          key={holder}
          label="Permission"
          name="permission"
          defaultValue={mayGive.find(({ value }) => value === "write")?.value ?? "read"}
          choices={mayGive}
        />
        {holder !== own && (
          <TextField
            label="Scope"
            name="scope"
            spellCheck={false}
            hint="Empty for work that is trusted. Else what it writes is kept apart, and only read with the same scope."
          />
        )}
        <SelectField
          label="Expires"
          value={expires}
          onChange={({ target }) => setExpires(target.value)}
          choices={expiries}
        />
        {expires === onDay && (
          <TextField
            label="Last day"
            name="day"
            type="date"
            required
            min={formatLocalMoment(new Date().toISOString()).slice(0, "2026-11-20".length)}
            max="9999-12-30"
            hint={`It ends when that day does by your clock (${localZone()}).`}
          />
        )}
        <div aria-live="polite">{make.error && <Failure error={make.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>
            Create token
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

/** Empty for no end. */
function inDays(days: number): string {
  return days === 0 ? "" : new Date(Date.now() + days * dayMs).toISOString();
}

/** What a token may do that may what its user may. Who is in no team yet may come into any. */
function upToMost(teams: readonly MyTeam[]) {
  const ranks = teams.map(({ permission }) => permissions.findIndex(({ value }) => value === permission));
  return ranks.length === 0 ? permissions : permissions.slice(0, Math.max(...ranks) + 1);
}

function ShownOnce({ token, onClose }: { token: CreatedToken; onClose: () => void }) {
  return (
    <Dialog title={`Token “${token.name}”`} onClose={onClose}>
      <p role="status" className="mb-3">
        This is the only time that its secret is shown. Copy it now.
      </p>
      <p className="mb-4 flex flex-wrap items-center justify-between gap-3 rounded-lg bg-good-page p-3">
        <code className="min-w-0 font-mono text-sm [overflow-wrap:anywhere]">{token.secret}</code>
        <Copy text={token.secret} what="the secret" />
      </p>
      {[...token.lines, ...apiLines(token)].map((lines) => (
        <CodeLines key={lines.title} lines={lines} />
      ))}
      <DialogEnd>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogEnd>
    </Dialog>
  );
}

/** How to try the token on the API, which takes none with a scope. */
function apiLines({ scope, secret }: CreatedToken): Lines[] {
  if (scope !== "") return [];
  const url = new URL(apiUrl("/me"), location.href);
  return [
    {
      title: "In a script, to ask the API",
      language: "shell",
      text: `curl -H "Authorization: Bearer ${secret}" "${url}"`,
    },
  ];
}
