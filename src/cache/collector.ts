import { and, count, eq, gt, inArray, isNotNull, lte, notExists, sum } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";
import type { BlobStorage, BlobTotals, ReceivedBlob } from "../storage/blob-storage.ts";
import type { Capacity } from "./capacity.ts";
import type { KeyedLock } from "./keyed-lock.ts";

/** For readers that have looked up a blob and not yet opened it, which takes microseconds. */
export const releaseGraceMs = 1_000;
const blobsPerStep = 100;
/** Time enough to look into what was damaged. */
const quarantineMs = 30 * 86_400_000;

export interface CollectorOptions {
  database: Database;
  storage: BlobStorage;
  capacity: Capacity;
  /** Shared by those who publish a blob and point at it, excluded by those who remove or quarantine it. */
  blobLock: KeyedLock;
  log: Logger;
}

/** What an upload left that failed after its blob had got its name. */
interface Leftover {
  received: ReceivedBlob;
  /** Told when it has gone: until then it takes room. */
  cleared: () => void;
}

/** Removes the blobs that no artifact points at any more. */
export class Collector {
  /** Told how many of the blobs that went were in quarantine. Set by the cache. */
  onQuarantinedGone: (blobs: number) => void = () => {};
  private readonly leftovers = new Set<Leftover>();

  constructor(private readonly options: CollectorOptions) {}

  /** Undoes what a crash left half done. To be run before the first upload. */
  async recover(): Promise<void> {
    for await (const sha256 of this.options.storage.recover()) await this.discard([sha256]);
  }

  /** Removes with the next round what an upload left. */
  clearLater(received: ReceivedBlob, cleared: () => void): void {
    this.leftovers.add({ received, cleared });
  }

  /** Removes what uploads left, and leaves to the next start what cannot be removed now. */
  async stop(): Promise<void> {
    await this.clearLeftovers();
    this.leftovers.clear();
  }

  /**
   * Removes what uploads left that failed, and what was let go of, after a grace. A blob that cannot be removed is logged
   * and left for the next time.
   * @returns how many blobs went, and their size.
   */
  async collect({
    signal,
    graceMs = releaseGraceMs,
  }: {
    signal?: AbortSignal;
    graceMs?: number;
  } = {}): Promise<BlobTotals> {
    await this.clearLeftovers();
    const releasedBefore = Date.now() - graceMs;
    const freed = { blobs: 0, sizeBytes: 0 };
    for (let lastId = 0; ; ) {
      const candidates = await this.options.database.read
        .select({ id: blobs.id, sha256: blobs.sha256 })
        .from(blobs)
        .where(and(isNotNull(blobs.releasedAt), lte(blobs.releasedAt, releasedBefore), gt(blobs.id, lastId)))
        .orderBy(blobs.id)
        .limit(blobsPerStep);
      if (candidates.length > 0 && !signal?.aborted) {
        const went = await this.discard(candidates.map((candidate) => candidate.sha256));
        freed.blobs += went.blobs;
        freed.sizeBytes += went.sizeBytes;
      }
      if (candidates.length < blobsPerStep || signal?.aborted) return freed;
      lastId = candidates.at(-1)?.id ?? 0;
    }
  }

  private async clearLeftovers(): Promise<void> {
    for (const leftover of this.leftovers) {
      const { received, cleared } = leftover;
      try {
        await this.discard([received.sha256]);
        await received.discard();
      } catch (error) {
        this.options.log.debug(
          { err: error, sha256: received.sha256 },
          "leftover of an upload not yet cleared",
        );
        return;
      }
      if (this.leftovers.delete(leftover)) cleared();
    }
  }

  /** What waits to be collected, and may yet be used again. Without what other artifacts hold, which stays. */
  async waiting(): Promise<BlobTotals> {
    const { read } = this.options.database;
    const holders = read.select().from(artifacts).where(eq(artifacts.blobId, blobs.id));
    const [row] = await read
      .select({ blobs: count(), sizeBytes: sum(blobs.sizeBytes).mapWith(Number) })
      .from(blobs)
      .where(and(isNotNull(blobs.releasedAt), notExists(holders)));
    return { blobs: row?.blobs ?? 0, sizeBytes: row?.sizeBytes ?? 0 };
  }

  /** How many blobs were let go of and have yet to be looked at, at most `limit`: cheap, however many there are. */
  async released(limit: number): Promise<number> {
    const { read } = this.options.database;
    const some = read
      .select({ id: blobs.id })
      .from(blobs)
      .where(isNotNull(blobs.releasedAt))
      .limit(limit)
      .as("some");
    const [row] = await read.select({ blobs: count() }).from(some);
    return row?.blobs ?? 0;
  }

  /** What was quarantined so long ago that `emptyQuarantine` would remove it. */
  async longQuarantined(): Promise<BlobTotals> {
    return await this.options.storage.inQuarantine(Date.now() - quarantineMs);
  }

  /** Removes what was quarantined more than 30 days ago. No artifact has any of it. @returns what went. */
  async emptyQuarantine(): Promise<BlobTotals> {
    return await this.options.storage.emptyQuarantine(Date.now() - quarantineMs);
  }

  /** Removes blobs unless an artifact points at them. @returns what went. */
  async discard(names: readonly string[]): Promise<BlobTotals> {
    const { blobLock, capacity, database, log, storage } = this.options;
    return await blobLock.exclude(names, async () => {
      const held = await database.write((tx) => keepHeld(tx, names));
      const unused = names.filter((name) => !held.has(name));
      // The files go first: a crash in between leaves rows, which the next round finds.
      const removals = await Promise.allSettled(unused.map((name) => storage.remove(name)));
      const removed = unused.filter((sha256, index) => {
        const removal = removals[index] as PromiseSettledResult<void>;
        if (removal.status === "rejected") log.error({ err: removal.reason, sha256 }, "blob not removed");
        return removal.status === "fulfilled";
      });
      const { sizeBytes, quarantined } = await database.write((tx) => forget(tx, removed));
      capacity.add(-sizeBytes);
      if (quarantined > 0) this.onQuarantinedGone(quarantined);
      return { blobs: removed.length, sizeBytes };
    });
  }
}

/** Takes the blobs that artifacts point at off the list of candidates. @returns their names. */
async function keepHeld(tx: Queries, names: readonly string[]): Promise<Set<string>> {
  const held = await tx
    .selectDistinct({ id: blobs.id, sha256: blobs.sha256 })
    .from(blobs)
    .innerJoin(artifacts, eq(artifacts.blobId, blobs.id))
    .where(inArray(blobs.sha256, [...names]));
  if (held.length > 0) {
    const ids = held.map((blob) => blob.id);
    await tx.update(blobs).set({ releasedAt: null }).where(inArray(blobs.id, ids));
  }
  return new Set(held.map((blob) => blob.sha256));
}

/** @returns how much less the storage holds, which a quarantined blob had left before; and how many of those there were. */
async function forget(
  tx: Queries,
  names: readonly string[],
): Promise<{ sizeBytes: number; quarantined: number }> {
  if (names.length === 0) return { sizeBytes: 0, quarantined: 0 };
  const gone = await tx
    .delete(blobs)
    .where(inArray(blobs.sha256, [...names]))
    .returning({ sizeBytes: blobs.sizeBytes, quarantinedAt: blobs.quarantinedAt });
  const counted = gone.filter(({ quarantinedAt }) => quarantinedAt === null);
  return {
    sizeBytes: counted.reduce((total, blob) => total + blob.sizeBytes, 0),
    quarantined: gone.length - counted.length,
  };
}
