import { and, count, eq, inArray, type SQL, sql } from "drizzle-orm";
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
  /** Told after each of the transactions what went in it. */
  onGone?: (gone: TakenOut) => void;
}

/** What went in one transaction. */
export interface TakenOut {
  artifacts: number;
  /** Of the blobs that were let go of, each counted once. */
  sizeBytes: number;
  /** When the youngest of them was used last. */
  lastUsedAt: number;
}

/**
 * Takes the artifacts out that meet a condition, some at a time, least recently used first.
 * @returns how many artifacts went.
 */
export async function takeOut(
  database: Database,
  condition: SQL | undefined,
  { enough = () => false, onTakenOut, onGone }: TakeOutOptions = {},
): Promise<number> {
  const released = new ReleasedBlobs();
  let artifacts = 0;
  for (;;) {
    const gone = await database.write(async (tx) => {
      const gone = await takeOutOldest(tx, condition, { released, enough });
      if (gone.artifacts > 0) await onTakenOut?.(tx, gone.artifacts);
      return gone;
    });
    if (gone.artifacts > 0) onGone?.(gone);
    artifacts += gone.artifacts;
    if (gone.artifacts < artifactsPerStep || enough(released.sizeBytes)) return artifacts;
  }
}

/**
 * Takes those of the artifacts out that meet a condition, some at a time.
 * @param ids of any number of them; those that have gone meanwhile do not matter.
 * @returns how many artifacts went.
 */
export async function takeOutThese(
  database: Database,
  ids: readonly number[],
  condition: SQL | undefined,
  { onTakenOut }: Pick<TakeOutOptions, "onTakenOut"> = {},
): Promise<number> {
  let gone = 0;
  for (let start = 0; start < ids.length; start += artifactsPerStep) {
    const some = inArray(artifacts.id, ids.slice(start, start + artifactsPerStep));
    gone += await database.write(async (tx) => {
      // An index of what the condition asks for would have to be gone through anew for each step.
      const victims = await candidatesOf(tx).where(and(some, sql`+(${condition})`));
      await remove(tx, victims);
      if (victims.length > 0) await onTakenOut?.(tx, victims.length);
      return victims.length;
    });
  }
  return gone;
}

/** All of a team's artifacts, in one transaction with the deletion of the team. */
export async function takeOutTeam(tx: Queries, teamId: string): Promise<void> {
  const ofTeam = eq(artifacts.teamId, teamId);
  while ((await takeOutOldest(tx, ofTeam)).artifacts === artifactsPerStep);
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

/** @returns what went; adds its blobs to `released`. */
async function takeOutOldest(
  tx: Queries,
  condition: SQL | undefined,
  {
    released = new ReleasedBlobs(),
    enough = () => false,
    maxArtifacts = artifactsPerStep,
  }: { released?: ReleasedBlobs; enough?: (releasedBytes: number) => boolean; maxArtifacts?: number } = {},
): Promise<TakenOut> {
  const releasedBefore = released.sizeBytes;
  const candidates = await candidatesOf(tx)
    .where(condition)
    .orderBy(artifacts.lastUsedAt, artifacts.id)
    .limit(maxArtifacts);
  const victims: Candidate[] = [];
  for (const candidate of candidates) {
    if (enough(released.sizeBytes)) break;
    victims.push(candidate);
    released.add(candidate);
  }
  await remove(tx, victims);
  return {
    artifacts: victims.length,
    sizeBytes: released.sizeBytes - releasedBefore,
    lastUsedAt: victims.at(-1)?.lastUsedAt ?? 0,
  };
}

type Candidate = Awaited<ReturnType<typeof candidatesOf>>[number];

function candidatesOf(tx: Queries) {
  return tx
    .select({
      id: artifacts.id,
      teamId: artifacts.teamId,
      blobId: artifacts.blobId,
      sizeBytes: blobs.sizeBytes,
      lastUsedAt: artifacts.lastUsedAt,
    })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId));
}

/** Deletes artifacts, and lets go of their blobs. */
async function remove(tx: Queries, victims: readonly Candidate[]): Promise<void> {
  if (victims.length === 0) return;
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

/** What lies on the storage, each blob once; and how many blobs do not, since they are in quarantine. */
export async function storedTotals(
  database: Database,
): Promise<{ storedBytes: number; quarantinedBlobs: number }> {
  const [row] = await database.read
    .select({
      sizeBytes: sql<
        number | null
      >`sum(case when ${blobs.quarantinedAt} is null then ${blobs.sizeBytes} end)`,
      quarantined: count(blobs.quarantinedAt),
    })
    .from(blobs);
  return { storedBytes: Number(row?.sizeBytes ?? 0), quarantinedBlobs: row?.quarantined ?? 0 };
}
