import { eq, inArray } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";

/** Takes all of a team's artifacts out. Their blobs go with the next collection, unless others point at them. */
export async function purgeTeam(tx: Queries, teamId: string): Promise<void> {
  const held = tx.select({ id: artifacts.blobId }).from(artifacts).where(eq(artifacts.teamId, teamId));
  await tx.update(blobs).set({ releasedAt: Date.now() }).where(inArray(blobs.id, held));
  await tx.delete(artifacts).where(eq(artifacts.teamId, teamId));
}
