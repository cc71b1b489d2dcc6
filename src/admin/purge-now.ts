import type { Actor } from "../audit/audit-log.ts";
import type { Cache } from "../cache/cache.ts";
import { collected } from "../cache/collected.ts";
import type { PurgeFilter, PurgeTotals } from "../cache/purge.ts";

const withinMs = 10_000;
/** No idle timeout may be set to less than 5 seconds. */
const keepAliveEveryMs = 2_000;

/**
 * Takes artifacts out of the running cache, and waits a while until their bytes have gone, too.
 * @param keepAlive called now and then, so that whoever waits for the answer is not taken for an idle connection.
 */
export async function purgeNow(
  cache: Cache,
  filter: PurgeFilter,
  by: Actor,
  keepAlive: () => void,
): Promise<PurgeTotals> {
  const timer = setInterval(keepAlive, keepAliveEveryMs);
  try {
    const artifacts = await cache.purge(filter, by);
    return { artifacts, freed: await collected(cache.collector, { isOurs: true, withinMs }) };
  } finally {
    clearInterval(timer);
  }
}
