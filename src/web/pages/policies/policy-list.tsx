import { Fragment, useState } from "react";
import { roundTime } from "../../../units.ts";
import { call } from "../../api/call.ts";
import { useChange, useList } from "../../api/queries.ts";
import type { Policy } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { useMe } from "../../shell/me.tsx";
import { ScopeBadge } from "../scope-badge.tsx";

/** The policies of a team, or of all teams. */
export function PolicyList({ teamSlug }: { teamSlug: string | undefined }) {
  const { isOwner } = useMe();
  const policies = useList<Policy>("/policies", { team: teamSlug });
  const [leaving, setLeaving] = useState<Policy>();
  const remove = useChange((id: string) => call("DELETE", `/policies/${id}`));
  return (
    <>
      <ListRows
        caption="CI policies"
        list={policies}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No CI policies">
            With one, the jobs of a CI service get a token that lasts as long as they do, and no secret has to
            be kept there.
          </Empty>
        }
        columns={[
          { title: "Name", cell: ({ name }) => <span className="[overflow-wrap:anywhere]">{name}</span> },
          ...(teamSlug ? [] : [{ title: "Team", isMinor: true, cell: ({ team }: Policy) => team }]),
          {
            title: "Issuer and claims",
            cell: ({ issuer, audience, claims }) => (
              <div className="min-w-0 [overflow-wrap:anywhere] md:min-w-68">
                {URL.parse(issuer)?.host ?? issuer}
                <ul className="text-xs text-soft">
                  <li>
                    audience <code className="font-mono">{audience}</code>
                  </li>
                  {Object.entries(claims).map(([name, pattern]) => (
                    <li key={name}>
                      <code className="font-mono">
                        {name}=<Pattern text={pattern} />
                      </code>
                    </li>
                  ))}
                </ul>
              </div>
            ),
          },
          { title: "Permission", cell: ({ permission }) => permission },
          { title: "Scope", cell: ({ scope }) => <ScopeBadge scope={scope} /> },
          {
            title: "Tokens last",
            isNumber: true,
            isMinor: true,
            cell: ({ tokenMaxAgeMs }) => roundTime(tokenMaxAgeMs),
          },
          {
            title: "",
            isNumber: true,
            cell: (policy) =>
              isOwner(policy.team) ? (
                <Button isSmall look="danger" onClick={() => setLeaving(policy)}>
                  Delete<span className="sr-only"> {policy.name}</span>
                </Button>
              ) : null,
          },
        ]}
      />
      {leaving && (
        <Confirm
          title={`Delete “${leaving.name}”?`}
          action="Delete"
          onConfirm={() => remove.mutateAsync(leaving.id)}
          onClose={() => setLeaving(undefined)}
        >
          <p>Its jobs get no token any more, and those that they have are revoked at once.</p>
        </Confirm>
      )}
    </>
  );
}

/** Broken over lines between its alternatives rather than within one. */
function Pattern({ text }: { text: string }) {
  return text.split(/(?<=\|)/).map((part) => (
    <Fragment key={part}>
      {part}
      <wbr />
    </Fragment>
  ));
}
