import type { Cache } from "../cache/cache.ts";
import { collected } from "../cache/collected.ts";
import { countPurge, type PurgeFilter, type PurgeTotals } from "../cache/purge.ts";
import type { Database } from "../database/database.ts";
import type { Caller } from "./caller.ts";

const withinMs = 10_000;
/** No idle timeout may be set to less than 5 seconds. */
const keepAliveEveryMs = 2_000;

/** What a purge would take out, as far as the caller may know of others who have the same bytes. */
export async function countPurgeFor(
  { isServerAdmin }: Caller,
  database: Database,
  filter: PurgeFilter,
): Promise<PurgeTotals> {
  return await countPurge(database, filter, isServerAdmin ? undefined : filter.teamId);
}

/**
 * Takes artifacts out of the running cache, and waits a while until their bytes have gone, too.
 * @param keepAlive called now and then, so that whoever waits for the answer is not taken for an idle connection.
 */
export async function purgeNow(
  { cache, database }: { cache: Cache; database: Database },
  filter: PurgeFilter,
  caller: Caller,
  keepAlive: () => void,
): Promise<PurgeTotals> {
  const timer = setInterval(keepAlive, keepAliveEveryMs);
  try {
    // What leaves the storage tells whether others have it, too.
    const counted = caller.isServerAdmin ? undefined : await countPurgeFor(caller, database, filter);
    const artifacts = await cache.purge(filter, caller.by);
    const freed = await collected(cache.collector, { isOurs: true, withinMs });
    return { artifacts, freed: counted?.freed ?? freed };
  } finally {
    clearInterval(timer);
  }
}
