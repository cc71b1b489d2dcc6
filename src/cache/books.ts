import { and, eq, inArray, isNull, type SQL, sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, blobs, teams } from "../database/schema.ts";

/*
 * The transactions that change which artifacts point at which blobs. Each keeps `teams.usedBytes`, where a blob counts once
 * for every team that points at it, and marks the blobs that were let go of for the collector.
 */

/** With the text as the indexes of untrusted artifacts have it: a parameter would keep SQLite from using them. */
export const isUntrusted = sql`${artifacts.scope} <> ''`;
export const isTrusted = sql`${artifacts.scope} = ''`;

/** Short enough that no request notices one. */
const artifactsPerStep = 100;

export interface TakeOutOptions {
  /** Asked before each artifact with the bytes of the blobs let go of so far, each once; stops when it says so. */
  enough?: (releasedBytes: number) => boolean;
  /** Told, in each of the transactions, how many went in it. */
  onTakenOut?: (tx: Queries, artifacts: number) => Promise<void>;
}

/**
 * Takes the artifacts out that meet a condition, some at a time, least recently used first.
 * @returns how many artifacts went.
 */
export async function takeOut(
  database: Database,
  condition: SQL | undefined,
  { enough = () => false, onTakenOut }: TakeOutOptions = {},
): Promise<number> {
  const released = new ReleasedBlobs();
  let count = 0;
  for (;;) {
    const went = await database.write(async (tx) => {
      const artifacts = await takeOutOldest(tx, condition, { released, enough });
      if (artifacts > 0) await onTakenOut?.(tx, artifacts);
      return artifacts;
    });
    count += went;
    if (went < artifactsPerStep || enough(released.sizeBytes)) return count;
  }
}

/** All of a team's artifacts, in one transaction with the deletion of the team. */
export async function takeOutTeam(tx: Queries, teamId: string): Promise<void> {
  while ((await takeOutOldest(tx, eq(artifacts.teamId, teamId))) === artifactsPerStep);
}

/** So many of the artifacts that meet a condition, least recently used first, in one transaction with something else. */
export async function takeOutSome(
  tx: Queries,
  condition: SQL | undefined,
  maxArtifacts: number,
): Promise<void> {
  await takeOutOldest(tx, condition, { maxArtifacts });
}

/** Blobs that artifacts have let go of, each counted once. There may be a hundred thousand of them. */
class ReleasedBlobs {
  sizeBytes = 0;
  private readonly ids = new Set<number>();

  add({ blobId, sizeBytes }: { blobId: number; sizeBytes: number }): void {
    if (this.ids.has(blobId)) return;
    this.ids.add(blobId);
    this.sizeBytes += sizeBytes;
  }
}

/** @returns how many artifacts went; adds their blobs to `released`. */
async function takeOutOldest(
  tx: Queries,
  condition: SQL | undefined,
  {
    released = new ReleasedBlobs(),
    enough = () => false,
    maxArtifacts = artifactsPerStep,
  }: { released?: ReleasedBlobs; enough?: (releasedBytes: number) => boolean; maxArtifacts?: number } = {},
): Promise<number> {
  const candidates = await tx
    .select({
      id: artifacts.id,
      teamId: artifacts.teamId,
      blobId: artifacts.blobId,
      sizeBytes: blobs.sizeBytes,
    })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(condition)
    .orderBy(artifacts.lastUsedAt, artifacts.id)
    .limit(maxArtifacts);
  const victims: typeof candidates = [];
  for (const candidate of candidates) {
    if (enough(released.sizeBytes)) break;
    victims.push(candidate);
    released.add(candidate);
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

const holder = prepared((queries) =>
  queries
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(and(eq(artifacts.blobId, given("blobId")), eq(artifacts.teamId, given("teamId"))))
    .limit(1),
);

/** Whether an artifact of the team points at the blob. */
export async function isHeld(tx: Queries, teamId: string, blobId: number): Promise<boolean> {
  return (await holder(tx).execute({ teamId, blobId })).length > 0;
}

const addition = prepared((queries) =>
  queries
    .update(teams)
    .set({ usedBytes: sql`${teams.usedBytes} + ${sql.placeholder("sizeBytes")}` })
    .where(eq(teams.id, given("teamId"))),
);

/** Enters what a team uses more, or less, than before. */
export async function addUsed(tx: Queries, teamId: string, sizeBytes: number): Promise<void> {
  if (sizeBytes !== 0) await addition(tx).execute({ teamId, sizeBytes });
}

/** What lies on the storage, each blob once. */
export async function storedBytes(database: Database): Promise<number> {
  const [row] = await database.read
    .select({ sizeBytes: sql<number | null>`sum(${blobs.sizeBytes})` })
    .from(blobs)
    .where(isNull(blobs.quarantinedAt));
  return Number(row?.sizeBytes ?? 0);
}
