import { Link } from "wouter";
import { roundSize, roundTime } from "../../../units.ts";
import { useList } from "../../api/queries.ts";
import type { Run } from "../../api/types.ts";
import { formatCount, formatPercent } from "../../format/count.ts";
import { ButtonLink } from "../../parts/button.tsx";
import { Card, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { ChoiceFilter, Filters, SinceFilter, TextFilter, useFilters } from "../../parts/filters.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { OriginLink } from "../origin.tsx";
import { toolChoices, toolTitle } from "../tools.ts";
import { HitBar } from "./hit-bar.tsx";

export function RunsPage() {
  const { team, href } = useMe();
  const [filters] = useFilters();
  const since = filters.get("since");
  const runs = useList<Run>("/runs", {
    team: team?.slug,
    tool: filters.get("tool"),
    origin: filters.get("origin"),
    since,
  });
  return (
    <>
      <PageTitle title="Runs" intro="What one call of a build tool asked of the cache, newest first." />
      <Card isFlush>
        <Filters>
          <ChoiceFilter name="tool" label="Tool" all="All tools" choices={toolChoices} />
          <TextFilter name="origin" label="Origin" placeholder="id of a token or policy" />
          <SinceFilter label="Started in the last" />
        </Filters>
        <ListRows
          caption="Runs"
          list={runs}
          keyOf={({ id }) => String(id)}
          empty={
            <Empty title="No runs">
              <p className="mb-4">
                {filters.has("tool") || filters.has("origin") || since
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
            { title: "Origin", cell: ({ origin, user }) => <OriginLink origin={origin} user={user} /> },
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
              cell: ({ hitRate }) => (hitRate === null ? "–" : formatPercent(hitRate)),
            },
            { title: "Saved", isNumber: true, cell: ({ savedMs }) => roundTime(savedMs) },
            { title: "Uploaded", isNumber: true, cell: ({ uploadedBytes }) => roundSize(uploadedBytes) },
          ]}
        />
      </Card>
    </>
  );
}
