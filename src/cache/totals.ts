import { count, eq, sum } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";

/** How many artifacts a team has, and what they would take if nothing were shared. */
export async function teamTotals(
  database: Database,
  teamId: string,
): Promise<{ artifacts: number; sizeBytes: number }> {
  const [row] = await database.read
    .select({ artifacts: count(), sizeBytes: sum(blobs.sizeBytes).mapWith(Number) })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(eq(artifacts.teamId, teamId));
  return { artifacts: row?.artifacts ?? 0, sizeBytes: row?.sizeBytes ?? 0 };
}
