import { Link } from "wouter";
import { roundPercent, roundSize, roundTime } from "../../../units.ts";
import { useGet, useList } from "../../api/queries.ts";
import type { Run, RunEvent } from "../../api/types.ts";
import { formatCount, formatCounted } from "../../format/count.ts";
import { Badge, type Tone } from "../../parts/badge.tsx";
import { Card, Facts, PageTitle } from "../../parts/card.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Failure } from "../../parts/failure.tsx";
import { ListRows } from "../../parts/rows.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { OriginLink } from "../origin.tsx";
import { ScopeBadge } from "../scope-badge.tsx";
import { toolTitle } from "../tools.ts";
import { HitBar } from "./hit-bar.tsx";

const outcomes: Record<string, readonly [text: string, tone: Tone]> = {
  "REMOTE HIT": ["remote hit", "good"],
  "LOCAL HIT": ["local hit", "good"],
  "REMOTE MISS": ["miss", "warn"],
  "LOCAL MISS": ["local miss", "plain"],
  "REMOTE UPLOAD": ["upload", "plain"],
};

export function RunPage({ id }: { id: string }) {
  const { href } = useMe();
  const path = `/runs/${encodeURIComponent(id)}`;
  const run = useGet<Run>(path);
  const events = useList<RunEvent>(`${path}/events`);
  return (
    <>
      <PageTitle title="Run">
        <Link className="link text-sm" href={href("/runs")}>
          All runs
        </Link>
      </PageTitle>
      <Card>
        {run.error ? (
          <Failure error={run.error} onRetry={() => void run.refetch()} />
        ) : run.data ? (
          <RunFacts run={run.data} />
        ) : (
          <SkeletonLines />
        )}
      </Card>
      <Card
        title="Events"
        intro="What the server saw and the client told, one by one. A task may have several: a miss, and then the upload of what it made."
        isFlush
      >
        <ListRows
          caption="Events of this run"
          list={events}
          keyOf={({ hash, source, event, createdAt }) => `${hash} ${source} ${event} ${createdAt}`}
          empty={<Empty title="No events are kept">They go after a while; the sums of the run stay.</Empty>}
          columns={[
            {
              title: "Hash",
              cell: ({ hash, artifactId }) =>
                artifactId === null ? (
                  <code className="font-mono">{hash}</code>
                ) : (
                  <Link className="link font-mono" href={href(`/artifacts/${artifactId}`)}>
                    {hash}
                  </Link>
                ),
            },
            {
              title: "Outcome",
              cell: ({ source, event }) => {
                const [text, tone] = outcomes[`${source} ${event}`] ?? [`${source} ${event}`, "plain"];
                return <Badge tone={tone}>{text}</Badge>;
              },
            },
            {
              title: "Task took",
              isNumber: true,
              cell: ({ durationMs }) => (durationMs ? roundTime(durationMs) : null),
            },
            {
              title: "Size",
              isNumber: true,
              cell: ({ sizeBytes }) => (sizeBytes === null ? null : roundSize(sizeBytes)),
            },
            { title: "When", isNumber: true, cell: ({ createdAt }) => <When at={createdAt} /> },
          ]}
        />
      </Card>
    </>
  );
}

function RunFacts({ run }: { run: Run }) {
  const tasks = run.remoteHits + run.localHits + run.remoteMisses;
  return (
    <Facts
      facts={[
        ["Started", <When key="started" at={run.startedAt} />],
        ["Last event", <When key="last" at={run.lastEventAt} />],
        ["Team", run.team],
        ["Tool", toolTitle(run.tool)],
        ["Origin", <OriginLink key="origin" origin={run.origin} user={run.user} />],
        ["Scope", <ScopeBadge key="scope" scope={run.scope} />],
        ["CI", run.clientCi],
        ...Object.entries(run.claims ?? {}).map(
          ([name, value]) =>
            [
              name,
              <code key={name} className="font-mono text-sm">
                {String(value)}
              </code>,
            ] as const,
        ),
        [
          "Tasks",
          <span key="tasks">
            {formatCount(tasks)} <HitBar totals={run} />
          </span>,
        ],
        ["Events", formatCount(run.events)],
        ["Hit rate", run.hitRate === null ? null : roundPercent(run.hitRate)],
        ["Time saved", roundTime(run.savedMs)],
        ["Downloaded", roundSize(run.downloadedBytes)],
        ["Uploaded", `${roundSize(run.uploadedBytes)} in ${formatCounted(run.uploads, "upload")}`],
        ["Refused uploads", run.refusedUploads === 0 ? null : formatCount(run.refusedUploads)],
        [
          "Session",
          run.sessionId && (
            <code key="session" className="font-mono text-sm">
              {run.sessionId}
            </code>
          ),
        ],
      ]}
    />
  );
}
