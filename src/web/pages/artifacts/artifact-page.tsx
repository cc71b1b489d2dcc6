import { useState } from "react";
import { Link } from "wouter";
import { roundSize, roundTime } from "../../../units.ts";
import { apiUrl, call } from "../../api/call.ts";
import { useChange, useGet } from "../../api/queries.ts";
import type { ShownArtifact } from "../../api/types.ts";
import { formatCounted, formatExactCount } from "../../format/count.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, ButtonLink } from "../../parts/button.tsx";
import { Card, Facts, PageTitle } from "../../parts/card.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Failure } from "../../parts/failure.tsx";
import { SkeletonLines } from "../../parts/skeleton.tsx";
import { When } from "../../parts/when.tsx";
import { useMe } from "../../shell/me.tsx";
import { OriginName } from "../origin.tsx";
import { ScopeBadge } from "../scope-badge.tsx";
import { toolTitle } from "../tools.ts";

export function ArtifactPage({ id }: { id: string }) {
  const { isOwner, href } = useMe();
  const path = `/artifacts/${encodeURIComponent(id)}`;
  const [isGone, setGone] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const artifact = useGet<ShownArtifact>(path, {}, { isEnabled: !isGone });
  const purge = useChange(
    async () => {
      await call("DELETE", path);
      setGone(true);
    },
    { removes: path },
  );
  const { data, error } = artifact;
  if (isGone) {
    return (
      <>
        <PageTitle title="Artifact" />
        <Empty title="Purged">
          <p className="mb-4">Whoever asks for it from now on runs the task again.</p>
          <ButtonLink look="primary" href={href("/artifacts")}>
            To the other artifacts
          </ButtonLink>
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageTitle title="Artifact">
        <Link className="link text-sm" href={href("/artifacts")}>
          All artifacts
        </Link>
      </PageTitle>
      <Card>
        {error ? (
          <Failure error={error} onRetry={() => void artifact.refetch()} />
        ) : data ? (
          <>
            <ArtifactFactsList artifact={data} />
            <div className="mt-5 flex flex-wrap gap-2 border-t border-line pt-4 empty:hidden">
              {data.quarantinedAt === null && (
                <a
                  href={apiUrl(`${path}/content`)}
                  download
                  className="inline-flex min-h-10 items-center rounded-lg border border-edge px-3.5 text-sm font-semibold hover:bg-raised"
                >
                  Download
                </a>
              )}
              {isOwner(data.team) && (
                <Button look="danger" onClick={() => setAsking(true)}>
                  Purge
                </Button>
              )}
            </div>
          </>
        ) : (
          <SkeletonLines />
        )}
      </Card>
      {isAsking && data && (
        <Confirm
          title="Purge this artifact?"
          action="Purge"
          onConfirm={() => purge.mutateAsync()}
          onClose={() => setAsking(false)}
        >
          <p>
            <code className="font-mono [overflow-wrap:anywhere]">{data.hash}</code> of team {data.team},{" "}
            {roundSize(data.sizeBytes)}. The next build that wants it runs the task again. This cannot be
            undone.
          </p>
        </Confirm>
      )}
    </>
  );
}

function ArtifactFactsList({ artifact }: { artifact: ShownArtifact }) {
  return (
    <Facts
      facts={[
        ["Hash", <Mono key="hash" text={artifact.hash} />],
        [
          "State",
          artifact.quarantinedAt && (
            <span key="state">
              <Badge tone="bad">quarantined</Badge> <When at={artifact.quarantinedAt} />: its bytes were not
              those that were written. Clients get a miss, and nobody can download it.
            </span>
          ),
        ],
        ["Team", artifact.team],
        ["Tool", toolTitle(artifact.tool)],
        ["Scope", <ScopeBadge key="scope" scope={artifact.scope} />],
        [
          "Size",
          <span key="size" title={`${formatExactCount(artifact.sizeBytes)} bytes`}>
            {roundSize(artifact.sizeBytes)}
          </span>,
        ],
        ["Task took", artifact.durationMs ? roundTime(artifact.durationMs) : null],
        ["Signed", artifact.isSigned ? "yes" : "no"],
        ["Written by", <OriginName key="by" origin={artifact.writtenBy} />],
        ["Written", <When key="written" at={artifact.createdAt} />],
        ["Last used", <When key="used" at={artifact.lastUsedAt} />],
        ["Commit", artifact.sha && <Mono key="sha" text={artifact.sha} />],
        ["Uncommitted changes", artifact.dirtyHash && <Mono key="dirty" text={artifact.dirtyHash} />],
        ["CI", artifact.clientCi],
        [
          "Same bytes",
          artifact.sharedWith === 0
            ? null
            : `shared with ${formatCounted(artifact.sharedWith, "other artifact")}`,
        ],
        ["SHA-256", <Mono key="sha256" text={artifact.sha256} />],
      ]}
    />
  );
}

function Mono({ text }: { text: string }) {
  return <code className="font-mono text-sm">{text}</code>;
}
