import type { Command } from "commander";
import { pino } from "pino";
import { Cache, type CacheOptions } from "../cache/cache.ts";
import { collected } from "../cache/collected.ts";
import { readServedMaxSize } from "../database/choices.ts";
import { keepServersOff, runningServer } from "../server/data-lock.ts";
import type { BlobTotals } from "../storage/blob-storage.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import type { CommandContext } from "./command-context.ts";
import { commandName, type Data, withData } from "./with-data.ts";

export interface CacheData extends Data {
  cache: Cache;
  /** Whether a server runs on the folder: then it alone removes and quarantines blobs, and does so by itself. */
  isServed: boolean;
}

/** Runs a command's story on the cache, beside a running server or in its place. */
export async function withCache(
  context: CommandContext,
  command: Command,
  story: (data: CacheData) => Promise<void>,
): Promise<void> {
  await withData(context, command, async (data) => {
    using lock = keepServersOff(data.config.data, commandName(command));
    const cache = lock ? await openCache(data) : await cacheBeside(data);
    await story({ ...data, cache, isServed: lock === undefined });
  });
}

/** The same for a command that only shows: it keeps nobody off, clears nothing up, and creates nothing. */
export async function withCacheShown(
  context: CommandContext,
  command: Command,
  story: (data: CacheData) => Promise<void>,
): Promise<void> {
  await withData(context, command, async (data) => {
    const isServed = runningServer(data.config.data) !== undefined;
    await story({ ...data, cache: await cacheBeside(data), isServed });
  });
}

async function openCache(data: Data): Promise<Cache> {
  return await Cache.open(await cacheOptions(data, await DiskStorage.open(data.config.data)));
}

async function cacheBeside(data: Data): Promise<Cache> {
  return await Cache.beside(await cacheOptions(data, DiskStorage.beside(data.config.data)));
}

async function cacheOptions({ config, database, by }: Data, storage: DiskStorage): Promise<CacheOptions> {
  return {
    database,
    storage,
    maxArtifactSizeBytes: config.maxArtifactSize,
    maxSizeBytes: config.maxSize === "auto" ? await readServedMaxSize(database) : config.maxSize,
    minFreeBytes: config.minFree,
    maxAgeMs: config.maxAge,
    by,
    scopeMaxAgeMs: config.scopeMaxAge,
    log: pino({ level: "silent" }),
  };
}

/** For the server to remove blobs. */
export const collectsWithinMs = 60_000;

/** Waits until what was let go of has left the storage. @returns what has. */
export async function collectedFrom({ cache, isServed }: CacheData): Promise<BlobTotals> {
  return await collected(cache.collector, { isOurs: !isServed, withinMs: collectsWithinMs });
}
