import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { BlobTotals } from "../storage/blob-storage.ts";
import type { Cache } from "./cache.ts";
import { collected } from "./collected.ts";

/** What is too old, over a limit, unused, or long in quarantine. */
export interface Garbage {
  /** Artifacts. */
  tooOld: number;
  overQuotaBytes: number;
  overMaxSizeBytes: number;
  unused: BlobTotals;
  quarantined: BlobTotals;
}

/** What of it went. */
export interface RemovedGarbage {
  /** Artifacts that were too old, as are the next two for their reasons. */
  expired: number;
  /** Beyond their team's quota. */
  overQuota: number;
  /** Beyond `maxSize`. */
  evicted: number;
  /** From the storage, once nothing used them any more. */
  freed: BlobTotals;
  quarantined: BlobTotals;
}

export interface RemoveGarbageOptions {
  cache: Cache;
  database: Database;
  /** Who is written down for it. */
  by: Actor;
  /** Whether this process may remove blobs; else the one that serves the folder does so by itself. */
  isOurs: boolean;
  /** How long to wait for blobs that another process removes, or that cannot be removed. */
  withinMs: number;
  /** Whether what is beyond `maxSize` goes, too. A server keeps to its limit by itself. */
  evicts: boolean;
  /** Told when all that is left is to remove the blobs. */
  onBlobs?: () => void;
}

/** @param evicts as where it is removed. */
export async function countGarbage(cache: Cache, { evicts }: { evicts: boolean }): Promise<Garbage> {
  const { capacity, evictor, collector } = cache;
  return {
    tooOld: await evictor.countTooOld(),
    overQuotaBytes: await evictor.countOverQuota(),
    overMaxSizeBytes: evicts ? capacity.excessBytes() : 0,
    unused: await collector.waiting(),
    quarantined: await collector.longQuarantined(),
  };
}

/** Removes it, and writes down who did so if there was any. */
export async function removeGarbage(options: RemoveGarbageOptions): Promise<RemovedGarbage> {
  const { cache, database, by, evicts, onBlobs } = options;
  const { evictor, collector } = cache;
  const expired = await evictor.expire();
  const overQuota = await evictor.shrinkTeams();
  onBlobs?.();
  const unused = await collected(collector, options);
  const evicted = evicts ? await evictor.takeOutExcess() : 0;
  const freed = evicted === 0 ? unused : both(unused, await collected(collector, options));
  const quarantined = await collector.emptyQuarantine();
  const removed = { expired, overQuota, evicted, freed, quarantined };
  if (expired + overQuota + evicted + freed.blobs + quarantined.blobs > 0)
    await database.write((tx) => recordAudit(tx, by, { kind: "storage.gc", details: { ...removed } }));
  return removed;
}

function both(one: BlobTotals, other: BlobTotals): BlobTotals {
  return { blobs: one.blobs + other.blobs, sizeBytes: one.sizeBytes + other.sizeBytes };
}
