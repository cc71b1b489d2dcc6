import { type FormEvent, useState } from "react";
import { parseTime } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { CreatedPolicies } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { CodeLines } from "../../parts/copy.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { useMe } from "../../shell/me.tsx";

interface Provider {
  value: string;
  label: string;
  /** What it wants to know of the project. */
  fields: readonly { name: string; label: string; placeholder: string }[];
  /** Its jobs cannot choose for whom their tokens are. */
  hasOwnAudience?: true;
}

const repository = (placeholder: string) => ({ name: "repository", label: "Repository", placeholder });
const providers: readonly Provider[] = [
  { value: "github", label: "GitHub Actions", fields: [repository("acme/web")] },
  { value: "gitlab", label: "GitLab", fields: [repository("acme/web")] },
  {
    value: "buildkite",
    label: "Buildkite",
    fields: [
      { name: "organization", label: "Organization's slug", placeholder: "acme" },
      { name: "pipeline", label: "Pipeline's slug", placeholder: "web" },
    ],
  },
  {
    value: "circleci",
    label: "CircleCI",
    fields: [
      { name: "organization", label: "Organization's id", placeholder: "1a2b3c4d-…" },
      repository("github.com/acme/web"),
    ],
    hasOwnAudience: true,
  },
];
/** Any other service, with a policy written by hand. */
const free = "free";

/** Makes the policies of a CI service that larder knows, or one for any other. */
export function NewPolicyDialog({ onClose }: { onClose: () => void }) {
  const { ownTeams, team, isOwner } = useMe();
  const [service, setService] = useState("github");
  const [wrong, setWrong] = useState<string>();
  const [wrongTime, setWrongTime] = useState<string>();
  const make = useChange((body: unknown) => call<CreatedPolicies>("POST", "/policies", { body }));
  if (make.data) return <Created created={make.data} onClose={onClose} />;
  const provider = providers.find(({ value }) => value === service);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const fields: Record<string, unknown> = {};
    for (const [name, value] of form)
      if (value !== "" && name !== "claims" && name !== "lifetime") fields[name] = String(value).trim();
    const lifetime = String(form.get("lifetime") ?? "").trim();
    const tokenMaxAgeMs = lifetime === "" ? null : parseTime(lifetime);
    setWrongTime(
      tokenMaxAgeMs === undefined
        ? "This is no time with its unit. Write one such as 30m, or nothing."
        : undefined,
    );
    if (tokenMaxAgeMs === undefined) return;
    if (tokenMaxAgeMs !== null) fields.tokenMaxAgeMs = tokenMaxAgeMs;
    if (provider) fields.provider = provider.value;
    else {
      const claims = claimsOf(String(form.get("claims") ?? ""));
      setWrong(
        claims ? undefined : "Write a claim and its pattern on each line, such as ref=refs/heads/main.",
      );
      if (!claims) return;
      fields.claims = claims;
      // Nobody shall trust strangers for a field that was left empty by mistake: the API wants it said.
      if (fields.scope === undefined) fields.trusted = true;
    }
    make.mutate(fields);
  }

  return (
    <Dialog title="New CI policy" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <SelectField
          label="CI service"
          value={service}
          onChange={({ target }) => setService(target.value)}
          choices={[...providers, { value: free, label: "Another with OpenID Connect" }]}
        />
        {ownTeams.length > 1 ? (
          <SelectField
            label="Team"
            name="team"
            defaultValue={team && isOwner(team.slug) ? team.slug : ownTeams[0]?.slug}
            choices={ownTeams.map(({ slug, name }) => ({ value: slug, label: name }))}
          />
        ) : (
          <input type="hidden" name="team" value={ownTeams[0]?.slug} />
        )}
        {provider ? <KnownService key={service} provider={provider} /> : <AnyService wrong={wrong} />}
        <SelectField
          label="Permission"
          name="permission"
          defaultValue="write"
          choices={[
            { value: "read", label: "read" },
            { value: "write", label: "write, and read" },
          ]}
        />
        <TextField
          label="Tokens last"
          name="lifetime"
          placeholder="1h"
          hint="As long as a job may take, such as 90m; 24h at most. An hour, if empty."
          error={wrongTime}
        />
        <div aria-live="polite">{make.error && <Failure error={make.error} />}</div>
        <DialogEnd>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>
            Create
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

/** What the jobs need that the policies take. The page Connect has it, too, for later. */
function Created({
  created: { items, warnings, lines },
  onClose,
}: {
  created: CreatedPolicies;
  onClose: () => void;
}) {
  return (
    <Dialog title={items.length === 1 ? "CI policy created" : "CI policies created"} onClose={onClose}>
      <div role="status" className="mb-4 space-y-2 [overflow-wrap:anywhere]">
        <p>
          Created {items.map(({ name }) => `“${name}”`).join(" and ")}. Their jobs' own tokens have to be for
          the audience <code className="font-mono text-sm">{items[0]?.audience}</code>.
        </p>
        {warnings.map((warning) => (
          <p key={warning}>{warning}</p>
        ))}
      </div>
      {lines.map((each) => (
        <CodeLines key={each.title} lines={each} />
      ))}
      <DialogEnd>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogEnd>
    </Dialog>
  );
}

function KnownService({ provider }: { provider: Provider }) {
  return (
    <>
      {provider.fields.map(({ name, label, placeholder }) => (
        <TextField
          key={name}
          label={label}
          name={name}
          placeholder={placeholder}
          required
          spellCheck={false}
        />
      ))}
      <TextField
        label="Trusted branch"
        name="branch"
        defaultValue="main"
        hint="What its jobs write is read by everybody. With a * it may be several, such as release/*."
      />
      <SelectField
        label="For"
        name="only"
        choices={[
          { value: "", label: "That branch, and pull requests apart from it" },
          { value: "trusted", label: "That branch only" },
          { value: "pull-requests", label: "Pull requests only" },
        ]}
      />
      <TextField
        label="Issuer"
        name="issuer"
        type="url"
        placeholder="https://…"
        hint="Only for a server of one's own, such as a GitLab that is not gitlab.com."
      />
      {!provider.hasOwnAudience && <Audience />}
    </>
  );
}

function Audience() {
  return (
    <TextField
      label="Audience"
      name="audience"
      spellCheck={false}
      hint="For whom the jobs' own tokens have to be. If empty, the public URL of this server, and larder if it has none."
    />
  );
}

function AnyService({ wrong }: { wrong: string | undefined }) {
  return (
    <>
      <TextField label="Name" name="name" required maxLength={100} />
      <TextField label="Issuer" name="issuer" type="url" required placeholder="https://ci.example.org" />
      <Audience />
      <div>
        <label htmlFor="claims" className="mb-1 block text-sm font-semibold">
          Claims
        </label>
        <textarea
          id="claims"
          name="claims"
          rows={3}
          required
          spellCheck={false}
          className="input font-mono text-sm"
          placeholder={"project=acme/web\nref=refs/heads/main"}
          aria-describedby="claims-hint"
          aria-invalid={wrong !== undefined || undefined}
        />
        <p id="claims-hint" className="mt-1 text-sm text-soft">
          {wrong && <span className="block font-medium text-bad">{wrong}</span>}
          One claim and its pattern on each line. All of them have to match.
        </p>
      </div>
      <TextField
        label="Scope"
        name="scope"
        spellCheck={false}
        placeholder="pr-{number}"
        hint="Empty only for jobs that everybody trusts. Else what they write is kept apart."
      />
    </>
  );
}

/** Undefined where a line is none of a claim. */
function claimsOf(text: string): Record<string, string> | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const entries = lines.map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, Math.max(at, 0)).trim(), line.slice(at + 1).trim()] as const;
  });
  return lines.length === 0 || entries.some(([name]) => name === "")
    ? undefined
    : Object.fromEntries(entries);
}
