import { count, eq, inArray } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";

/**
 * Takes all of a team's artifacts out. Their blobs go with the next collection, unless others point at them.
 * @returns how many artifacts went.
 */
export async function purgeTeam(tx: Queries, teamId: string): Promise<number> {
  const ofTeam = eq(artifacts.teamId, teamId);
  const [row] = await tx.select({ artifacts: count() }).from(artifacts).where(ofTeam);
  const held = tx.select({ id: artifacts.blobId }).from(artifacts).where(ofTeam);
  await tx.update(blobs).set({ releasedAt: Date.now() }).where(inArray(blobs.id, held));
  await tx.delete(artifacts).where(ofTeam);
  return row?.artifacts ?? 0;
}
