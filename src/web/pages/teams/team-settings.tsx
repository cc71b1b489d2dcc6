import { type FormEvent, useState } from "react";
import { formatSize, formatTime, parseSize, parseTime } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { Team } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Failure } from "../../parts/failure.tsx";
import { CheckField, SelectField, TextField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";
import { teamStates } from "./team-words.ts";

/** What an owner may change, and what only an administrator of the server may. */
export function TeamSettings({ team: found }: { team: Team }) {
  const { me } = useMe();
  // What the fields began with, whatever has become of it meanwhile: only what is otherwise is sent.
  const [team, setTeam] = useState(found);
  const [wrong, setWrong] = useState<{ quota?: string; maxAge?: string }>({});
  const change = useChange((body: Partial<Team>) => call<Team>("PATCH", `/teams/${team.id}`, { body }));

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const wanted: Partial<Team> = {
      name: text("name"),
      overwrite: text("overwrite") as Team["overwrite"],
      requireTag: form.has("requireTag"),
      anonymousRead: form.has("anonymousRead"),
    };
    if (me.isServerAdmin) {
      const quotaBytes = text("quota") === "" ? null : parseSize(text("quota"));
      const maxAgeMs = text("maxAge") === "" ? null : parseTime(text("maxAge"));
      setWrong({
        ...(quotaBytes === undefined && {
          quota: "This is no size with its unit. Write one such as 50GiB, or nothing.",
        }),
        ...(maxAgeMs === undefined && {
          maxAge: "This is no time with its unit. Write one such as 30d, or nothing.",
        }),
      });
      if (quotaBytes === undefined || maxAgeMs === undefined) return;
      Object.assign(wanted, { state: text("state"), quotaRule: text("quotaRule"), quotaBytes, maxAgeMs });
    }
    const entries = Object.entries(wanted).filter(([name, value]) => value !== team[name as keyof Team]);
    if (entries.length > 0) change.mutate(Object.fromEntries(entries), { onSuccess: setTeam });
  }

  return (
    <Card title="Settings">
      <form onSubmit={submit} className="space-y-4">
        <div className="grid gap-4 md:grid-cols-2">
          <TextField label="Name" name="name" defaultValue={team.name} required />
          <SelectField
            label="A second upload under the same hash"
            name="overwrite"
            defaultValue={team.overwrite}
            choices={[
              { value: "allow", label: "Replaces the first" },
              { value: "never", label: "Is refused" },
            ]}
          />
        </div>
        <CheckField
          label="Refuse uploads without a signature"
          name="requireTag"
          defaultChecked={team.requireTag}
          hint="Turborepo signs with remoteCache.signature and a key that the server never sees."
        />
        <CheckField
          label="Let anybody read without a token"
          name="anonymousRead"
          defaultChecked={team.anonymousRead}
          hint="Only what is trusted, and only reading. For open source behind a network of one's own."
        />
        {me.isServerAdmin && (
          <fieldset className="grid gap-4 border-t border-line md:grid-cols-2">
            <legend className="float-left w-full pt-4 text-sm font-semibold text-soft md:col-span-2">
              For administrators of the server
            </legend>
            <SelectField label="State" name="state" defaultValue={team.state} choices={teamStates} />
            <TextField
              label="Quota"
              name="quota"
              defaultValue={team.quotaBytes === null ? "" : formatSize(team.quotaBytes)}
              hint="Such as 50GiB or 50GB. Empty for none."
              error={wrong.quota}
            />
            <SelectField
              label="At the quota"
              name="quotaRule"
              defaultValue={team.quotaRule}
              choices={[
                { value: "evict", label: "What was unused the longest goes" },
                { value: "refuse", label: "Uploads are refused" },
              ]}
            />
            <TextField
              label="Artifacts go when unused for"
              name="maxAge"
              defaultValue={team.maxAgeMs === null ? "" : formatTime(team.maxAgeMs)}
              hint="Such as 30d. Empty for what the server's settings say."
              error={wrong.maxAge}
            />
          </fieldset>
        )}
        <div aria-live="polite">{change.error && <Failure error={change.error} />}</div>
        <div>
          <Button type="submit" look="primary" isBusy={change.isPending}>
            Save
          </Button>
          <span role="status" className="ml-3 text-sm text-good">
            {change.isSuccess && "Saved"}
          </span>
        </div>
      </form>
    </Card>
  );
}
