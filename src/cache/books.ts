import { and, eq, inArray, isNull, type SQL, sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { ArtifactFacts, ArtifactKey } from "./artifact.ts";

/*
 * The transactions that change which artifacts point at which blobs. Each keeps `teams.usedBytes`, where a blob counts once
 * for every team that points at it, and marks the blobs that were let go of for the collector.
 */

/** Short enough that no request notices one. */
const artifactsPerStep = 100;

export function sameKey(key: ArtifactKey): SQL | undefined {
  return and(
    eq(artifacts.teamId, key.teamId),
    eq(artifacts.tool, key.tool),
    eq(artifacts.scope, key.scope),
    eq(artifacts.hash, key.hash),
  );
}

/**
 * The one transaction of a put: the artifact points at the blob, and the blob that it pointed at before is let go.
 * @returns how much more the storage holds now: the blob's size if it is new there, else 0.
 * @throws Refusal `conflict` (write-once), `unauthorized` when the team has been deleted.
 */
export async function enter(
  tx: Queries,
  key: ArtifactKey,
  facts: ArtifactFacts,
  blob: { sha256: string; sizeBytes: number },
): Promise<number> {
  const now = Date.now();
  const [team] = await tx
    .select({ slug: teams.slug, overwrite: teams.overwrite })
    .from(teams)
    .where(eq(teams.id, key.teamId));
  if (!team) throw new Refusal("unauthorized", "The token's team has been deleted.");
  const [before] = await tx
    .select({
      blobId: artifacts.blobId,
      sha256: blobs.sha256,
      sizeBytes: blobs.sizeBytes,
      quarantinedAt: blobs.quarantinedAt,
    })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(sameKey(key));
  const isSame = before?.sha256 === blob.sha256;
  const isSound = before !== undefined && before.quarantinedAt === null;
  if (isSound && team.overwrite === "never") {
    if (isSame) return 0;
    throw new Refusal(
      "conflict",
      `Artifact ${key.hash} is there already with other bytes, and this team's artifacts are never overwritten. ` +
        `\`larder team set ${team.slug} --overwrite allow\` lifts that.`,
    );
  }
  const [known] = await tx
    .select({ id: blobs.id, quarantinedAt: blobs.quarantinedAt })
    .from(blobs)
    .where(eq(blobs.sha256, blob.sha256));
  const [stored] = await tx
    .insert(blobs)
    .values({ sha256: blob.sha256, sizeBytes: blob.sizeBytes, createdAt: now })
    .onConflictDoUpdate({
      target: blobs.sha256,
      set: { sizeBytes: blob.sizeBytes, releasedAt: null, suspectedAt: null, quarantinedAt: null },
    })
    .returning({ id: blobs.id });
  const blobId = (stored as { id: number }).id;
  const heldBefore = known !== undefined && (await isHeld(tx, key.teamId, known.id));
  await tx
    .insert(artifacts)
    .values({ ...key, ...facts, blobId, createdAt: now, lastUsedAt: now })
    .onConflictDoUpdate({
      target: [artifacts.teamId, artifacts.tool, artifacts.scope, artifacts.hash],
      set: { ...facts, blobId, createdAt: now, lastUsedAt: now },
    });
  let usedBytes = heldBefore ? 0 : blob.sizeBytes;
  if (before && !isSame) {
    await tx.update(blobs).set({ releasedAt: now }).where(eq(blobs.id, before.blobId));
    if (!(await isHeld(tx, key.teamId, before.blobId))) usedBytes -= before.sizeBytes;
  }
  await addUsed(tx, key.teamId, usedBytes);
  return known === undefined || known.quarantinedAt !== null ? blob.sizeBytes : 0;
}

/**
 * Takes the artifacts out that meet a condition, some at a time, least recently used first.
 * @param enough asked before each artifact with the blobs let go of so far, each once; stops when it says so.
 * @returns how many artifacts went.
 */
export async function takeOut(
  database: Database,
  condition: SQL | undefined,
  enough: (released: ReadonlyMap<string, number>) => boolean = () => false,
): Promise<number> {
  const released = new Map<string, number>();
  let count = 0;
  for (;;) {
    const went = await database.write((tx) => takeOutOldest(tx, condition, released, enough));
    count += went;
    if (went < artifactsPerStep || enough(released)) return count;
  }
}

/** All of a team's artifacts, in one transaction with the deletion of the team. */
export async function takeOutTeam(tx: Queries, teamId: string): Promise<void> {
  while ((await takeOutOldest(tx, eq(artifacts.teamId, teamId))) === artifactsPerStep);
}

/** @returns how many artifacts went; adds their blobs to `released`. */
async function takeOutOldest(
  tx: Queries,
  condition: SQL | undefined,
  released = new Map<string, number>(),
  enough: (released: ReadonlyMap<string, number>) => boolean = () => false,
): Promise<number> {
  const candidates = await tx
    .select({
      id: artifacts.id,
      teamId: artifacts.teamId,
      blobId: artifacts.blobId,
      sha256: blobs.sha256,
      sizeBytes: blobs.sizeBytes,
    })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(condition)
    .orderBy(artifacts.lastUsedAt, artifacts.id)
    .limit(artifactsPerStep);
  const victims: typeof candidates = [];
  for (const candidate of candidates) {
    if (enough(released)) break;
    victims.push(candidate);
    released.set(candidate.sha256, candidate.sizeBytes);
  }
  if (victims.length === 0) return 0;
  await tx.delete(artifacts).where(
    inArray(
      artifacts.id,
      victims.map((victim) => victim.id),
    ),
  );
  await tx
    .update(blobs)
    .set({ releasedAt: Date.now() })
    .where(
      inArray(
        blobs.id,
        victims.map((victim) => victim.blobId),
      ),
    );
  const once = new Map(victims.map((victim) => [`${victim.teamId} ${victim.blobId}`, victim]));
  const freed = new Map<string, number>();
  for (const { teamId, blobId, sizeBytes } of once.values()) {
    if (!(await isHeld(tx, teamId, blobId))) freed.set(teamId, (freed.get(teamId) ?? 0) + sizeBytes);
  }
  for (const [teamId, sizeBytes] of freed) await addUsed(tx, teamId, -sizeBytes);
  return victims.length;
}

async function isHeld(tx: Queries, teamId: string, blobId: number): Promise<boolean> {
  const rows = await tx
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(and(eq(artifacts.blobId, blobId), eq(artifacts.teamId, teamId)))
    .limit(1);
  return rows.length > 0;
}

async function addUsed(tx: Queries, teamId: string, sizeBytes: number): Promise<void> {
  if (sizeBytes === 0) return;
  await tx
    .update(teams)
    .set({ usedBytes: sql`${teams.usedBytes} + ${sizeBytes}` })
    .where(eq(teams.id, teamId));
}

/** What lies on the storage, each blob once. */
export async function storedBytes(database: Database): Promise<number> {
  const [row] = await database.read
    .select({ sizeBytes: sql<number | null>`sum(${blobs.sizeBytes})` })
    .from(blobs)
    .where(isNull(blobs.quarantinedAt));
  return Number(row?.sizeBytes ?? 0);
}
