import { type FormEvent, useId } from "react";
import { call } from "../../api/call.ts";
import { useChange } from "../../api/queries.ts";
import type { PolicyReport } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Dialog, DialogEnd } from "../../parts/dialog.tsx";
import { Failure } from "../../parts/failure.tsx";
import { ScopeBadge } from "../scope-badge.tsx";

/** Says which policies a CI job's token would match, and why the others would not. */
export function TestPolicyDialog({
  teamSlug,
  onClose,
}: {
  teamSlug: string | undefined;
  onClose: () => void;
}) {
  const id = useId();
  const test = useChange((token: string) =>
    call<PolicyReport>("POST", "/policies/test", { body: { token, ...(teamSlug && { team: teamSlug }) } }),
  );
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    test.mutate(String(new FormData(event.currentTarget).get("token")).trim());
  };
  return (
    <Dialog title="Test a job's token" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <div>
          <label htmlFor={id} className="mb-1 block text-sm font-semibold">
            OpenID Connect token of a job
          </label>
          <textarea
            id={id}
            name="token"
            rows={5}
            required
            spellCheck={false}
            className="input font-mono text-xs"
            placeholder="eyJ…"
            aria-describedby={`${id}-hint`}
          />
          <p id={`${id}-hint`} className="mt-1 text-sm text-soft">
            It is only looked at, and not kept.
          </p>
        </div>
        <div aria-live="polite" className="space-y-3">
          {test.error && <Failure error={test.error} />}
          {test.data && <Verdict result={test.data} />}
        </div>
        <DialogEnd>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" look="primary" isBusy={test.isPending}>
            Test
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

function Verdict({ result }: { result: PolicyReport }) {
  return (
    <>
      <p>
        Issuer <code className="font-mono text-sm [overflow-wrap:anywhere]">{result.issuer}</code>:{" "}
        {result.problem ? (
          <strong className="text-bad">{result.problem}</strong>
        ) : (
          <span className="text-good">signed by it, and valid now</span>
        )}
      </p>
      {result.policies.length === 0 && <p className="text-soft">There is no policy to match.</p>}
      <ul className="divide-y divide-line">
        {result.policies.map(({ id, name, team, matches, permission, scope, reasons = [] }) => (
          <li key={id} className="py-2">
            <p className="flex flex-wrap items-center gap-2">
              <strong className="[overflow-wrap:anywhere]">{name}</strong>
              <span className="text-sm text-soft">{team}</span>
              <Badge tone={matches ? "good" : "plain"}>
                {id === result.chosen ? "matches, and counts" : matches ? "matches" : "does not match"}
              </Badge>
              {matches && permission}
              {matches && scope !== undefined && <ScopeBadge scope={scope} />}
            </p>
            {reasons.map((reason) => (
              <p key={reason} className="text-sm text-soft [overflow-wrap:anywhere]">
                {reason}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </>
  );
}
