import type { ListedArtifact } from "../cache/artifact-list.ts";
import { environmentWriter } from "../identity/writers.ts";
import { isoTime } from "./iso-time.ts";

/** An artifact as scripts see it in a list. */
export function artifactJson(artifact: ListedArtifact) {
  const { writtenBy, writerName, writerPolicyId } = artifact;
  return {
    id: artifact.id,
    team: artifact.teamSlug,
    teamId: artifact.teamId,
    tool: artifact.tool,
    scope: artifact.scope,
    hash: artifact.hash,
    sha256: artifact.sha256,
    sizeBytes: artifact.sizeBytes,
    durationMs: artifact.durationMs,
    isSigned: artifact.tag !== null,
    sha: artifact.sha,
    createdAt: isoTime(artifact.createdAt),
    lastUsedAt: isoTime(artifact.lastUsedAt),
    quarantinedAt: isoTime(artifact.quarantinedAt),
    writtenBy:
      writtenBy === null
        ? { kind: "environment" as const, id: null, name: environmentWriter, policyId: null }
        : // A token that is gone is known by its id alone.
          { kind: "token" as const, id: writtenBy, name: writerName ?? writtenBy, policyId: writerPolicyId },
  };
}
