import { count, eq, inArray, type SQL } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";

/**
 * Takes the artifacts out that meet a condition. Their blobs go with the next collection, unless others point at them.
 * @returns how many artifacts went.
 */
export async function purge(tx: Queries, condition: SQL | undefined): Promise<number> {
  const [row] = await tx.select({ artifacts: count() }).from(artifacts).where(condition);
  const held = tx.select({ id: artifacts.blobId }).from(artifacts).where(condition);
  await tx.update(blobs).set({ releasedAt: Date.now() }).where(inArray(blobs.id, held));
  await tx.delete(artifacts).where(condition);
  return row?.artifacts ?? 0;
}

export async function purgeTeam(tx: Queries, teamId: string): Promise<number> {
  return await purge(tx, eq(artifacts.teamId, teamId));
}
