import { useList } from "../../api/queries.ts";
import type { AuditEntry } from "../../api/types.ts";
import { formatDetails } from "../../format/details.ts";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ChoiceFilter, Filters, SpanFilter, TextFilter, useFilters } from "../../parts/filters.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";

/** There are far more of them than of anything else. */
const uploadKind = "artifact.write";
const everything = "everything";
const kindChoices = [
  { value: everything, label: "Everything, with uploads" },
  { value: uploadKind, label: "Uploads" },
  { value: "artifact.refuse", label: "Refused uploads and deletions" },
  { value: "artifact.purge", label: "Purges" },
  { value: "blob", label: "Damaged blobs" },
  { value: "member", label: "Members" },
  { value: "policy", label: "CI policies" },
  { value: "session", label: "Sign-ins" },
  { value: "storage", label: "Storage" },
  { value: "team", label: "Teams" },
  { value: "token", label: "Tokens" },
  { value: "user", label: "Users" },
];

export function AuditPage() {
  const { me, team, ownTeams } = useMe();
  const [filters] = useFilters();
  // Owners see what happened in one of their teams.
  const slug = team?.slug ?? (me.isServerAdmin ? undefined : ownTeams[0]?.slug);
  const kind = filters.get("kind");
  const entries = useList<AuditEntry>("/audit", {
    team: slug,
    kind: kind === everything ? null : kind,
    notKind: kind === null ? uploadKind : null,
    actor: filters.get("actor"),
    target: filters.get("target"),
    since: filters.get("since"),
    until: filters.get("until"),
  });
  return (
    <>
      <PageTitle title="Audit log" intro="Who did what, newest first." />
      <Card isFlush>
        <Filters>
          <ChoiceFilter name="kind" label="Kind" all="All but uploads" choices={kindChoices} />
          <TextFilter name="actor" label="Actor" placeholder="name or id" />
          <TextFilter name="target" label="Target" placeholder="id or hash" />
          <SpanFilter label="Time" />
        </Filters>
        <ListRows
          caption="Audit log"
          list={entries}
          keyOf={({ id }) => String(id)}
          empty={<Empty title="Nothing fits">Change the filters, or choose a longer time.</Empty>}
          columns={[
            { title: "Time", cell: ({ createdAt }) => <When at={createdAt} /> },
            { title: "Kind", cell: ({ kind }) => <code className="font-mono">{kind}</code> },
            {
              title: "Actor",
              cell: ({ actorName, actorKind, actorId }) => (
                <span title={actorId ?? undefined} className="[overflow-wrap:anywhere]">
                  {actorName} <span className="text-soft">{actorName === actorKind ? "" : actorKind}</span>
                </span>
              ),
            },
            { title: "Address", isMinor: true, cell: ({ address }) => address },
            ...(slug
              ? []
              : [
                  {
                    title: "Team",
                    isMinor: true,
                    cell: ({ teamId }: AuditEntry) =>
                      me.teams.find(({ id }) => id === teamId)?.slug ?? teamId,
                  },
                ]),
            {
              title: "Target",
              cell: ({ target }) =>
                target && <code className="font-mono text-xs [overflow-wrap:anywhere]">{target}</code>,
            },
            { title: "Details", cell: ({ details }) => (details ? <Details details={details} /> : null) },
          ]}
        />
      </Card>
    </>
  );
}

function Details({ details }: { details: Record<string, unknown> }) {
  return (
    <ul className="max-w-80 min-w-0 text-xs text-soft">
      {formatDetails(details).map(([name, text]) => (
        <li key={name} className="[overflow-wrap:anywhere]">
          {name}: <span className="text-ink">{text}</span>
        </li>
      ))}
    </ul>
  );
}
