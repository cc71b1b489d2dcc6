import { and, asc, eq, gt, isNull } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";

/** An artifact as those see it who look after the store. */
export interface StoredArtifact {
  id: number;
  hash: string;
  /** Empty for a trusted one. */
  scope: string;
  sha256: string;
  sizeBytes: number;
  tag: string | null;
  /** Id of the token that wrote it; null for the environment's. */
  writtenBy: string | null;
}

export interface StoredFilter {
  teamId: string;
  tool: string;
  hash?: string | undefined;
}

const rowsPerStep = 200;

/** All artifacts of a team and tool that are not known to be damaged, in every scope. What changes meanwhile may or may not be among them. */
export async function* storedArtifacts(
  database: Database,
  { teamId, tool, hash }: StoredFilter,
): AsyncIterable<StoredArtifact> {
  for (let lastId = 0; ; ) {
    const rows = await database.read
      .select({
        id: artifacts.id,
        hash: artifacts.hash,
        scope: artifacts.scope,
        sha256: blobs.sha256,
        sizeBytes: blobs.sizeBytes,
        tag: artifacts.tag,
        writtenBy: artifacts.writtenBy,
      })
      .from(artifacts)
      .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
      .where(
        and(
          eq(artifacts.teamId, teamId),
          eq(artifacts.tool, tool),
          hash === undefined ? undefined : eq(artifacts.hash, hash),
          gt(artifacts.id, lastId),
          isNull(blobs.quarantinedAt),
        ),
      )
      .orderBy(asc(artifacts.id))
      .limit(rowsPerStep);
    yield* rows;
    if (rows.length < rowsPerStep) return;
    lastId = rows.at(-1)?.id ?? 0;
  }
}
