import { Link } from "wouter";
import { roundPercent, roundSize, roundTime } from "../../../units.ts";
import { useGet, useList } from "../../api/queries.ts";
import type { Origin, Overview, Run } from "../../api/types.ts";
import { formatCount } from "../../format/count.ts";
import { ButtonLink } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import type { Choice } from "../../parts/field.tsx";
import { ChoiceFilter, Filters, SpanFilter, useFilters } from "../../parts/filters.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { OriginLink, originFilter, originLabel } from "../origin.tsx";
import { defaultAge } from "../overview/ranges.ts";
import { ScopeBadge } from "../scope-badge.tsx";
import { toolChoices, toolTitle } from "../tools.ts";
import { HitBar } from "./hit-bar.tsx";

export function RunsPage() {
  const { team, href } = useMe();
  const [filters] = useFilters();
  const runs = useList<Run>("/runs", {
    team: team?.slug,
    tool: filters.get("tool"),
    origin: filters.get("origin"),
    since: filters.get("since"),
    until: filters.get("until"),
  });
  // Of the last days, as the overview has them; and whoever is wanted, however long ago that was.
  const overview = useGet<Overview>("/overview", { team: team?.slug, since: defaultAge });
  const origins = [...(overview.data?.byOrigin ?? []), ...runs.items.map(({ origin }) => origin)];
  return (
    <>
      <PageTitle title="Runs" intro="What one call of a build tool asked of the cache, newest first." />
      <Card isFlush>
        <Filters>
          <ChoiceFilter name="tool" label="Tool" all="All tools" choices={toolChoices} />
          <ChoiceFilter
            name="origin"
            label="Origin"
            all="All origins"
            choices={originChoices(origins, filters.get("origin"))}
          />
          <SpanFilter label="Started" />
        </Filters>
        <ListRows
          caption="Runs"
          list={runs}
          keyOf={({ id }) => String(id)}
          empty={
            <Empty title="No runs">
              <p className="mb-4">
                {["tool", "origin", "since", "until"].some((name) => filters.has(name))
                  ? "Nothing fits the filters. Change them, or choose a longer time."
                  : "A run appears here as soon as a connected repository is built."}
              </p>
              <ButtonLink look="primary" href={href("/connect")}>
                Connect a repository
              </ButtonLink>
            </Empty>
          }
          columns={[
            {
              title: "Started",
              cell: ({ id, startedAt }) => (
                <Link className="link" href={href(`/runs/${id}`)}>
                  <When at={startedAt} />
                </Link>
              ),
            },
            {
              title: "Origin",
              cell: ({ origin, user, scope }) => (
                <div>
                  <OriginLink origin={origin} user={user} /> {scope !== "" && <ScopeBadge scope={scope} />}
                </div>
              ),
            },
            ...(team ? [] : [{ title: "Team", isMinor: true, cell: (run: Run) => run.team }]),
            {
              title: "Tool",
              isMinor: true,
              cell: ({ tool, clientCi }) => [toolTitle(tool), clientCi].filter(Boolean).join(", "),
            },
            {
              title: "Tasks",
              isNumber: true,
              cell: ({ remoteHits, localHits, remoteMisses }) =>
                formatCount(remoteHits + localHits + remoteMisses),
            },
            { title: "Hits", cell: (run) => <HitBar totals={run} /> },
            {
              title: "Hit rate",
              isNumber: true,
              cell: ({ hitRate }) => (hitRate === null ? "–" : roundPercent(hitRate)),
            },
            { title: "Saved", isNumber: true, cell: ({ savedMs }) => roundTime(savedMs) },
            { title: "Uploaded", isNumber: true, cell: ({ uploadedBytes }) => roundSize(uploadedBytes) },
          ]}
        />
      </Card>
    </>
  );
}

/** @param wanted the one that is chosen, by id or kind, which may be none of these. */
function originChoices(origins: readonly Origin[], wanted: string | null): Choice[] {
  const labels = new Map(origins.map((origin) => [originFilter(origin), originLabel(origin)]));
  if (wanted !== null && !labels.has(wanted)) labels.set(wanted, wanted);
  return [...labels].map(([value, label]) => ({ value, label }));
}
