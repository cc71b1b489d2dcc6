import type { Cache } from "../cache/cache.ts";
import { collected } from "../cache/collected.ts";
import { countPurge, type PurgeFilter, type PurgeTotals } from "../cache/purge.ts";
import type { Database } from "../database/database.ts";
import { Turns } from "../http/turns.ts";
import type { Caller } from "./caller.ts";
import { keptAlive } from "./kept-alive.ts";

const withinMs = 10_000;

/** Each looks at all artifacts that there are: a hundred of one team's at once would hold up everybody's requests. */
const turns = new Turns({ atOnce: 2, maxWaiting: 50, maxWaitMs: 30_000 });

/**
 * Does a purge, or counts what it would take out, when it is the turn of a team, whatever its tokens, or of an administrator.
 * @param teamId undefined for all teams.
 * @param keepAlive called now and then, so that whoever waits for the answer is not taken for an idle connection.
 * @throws Refusal as `Turns` does, and whatever the work throws.
 */
export async function inPurgeTurn<T>(
  { caller, teamId, keepAlive }: { caller: Caller; teamId: string | undefined; keepAlive: () => void },
  work: () => Promise<T>,
): Promise<T> {
  const owner = caller.turnOf(teamId === undefined ? undefined : [teamId]);
  return await keptAlive(keepAlive, () => turns.take(owner, work));
}

/** What a purge would take out, as far as the caller may know of others who have the same bytes. */
export async function countPurgeFor(
  { isServerAdmin }: Caller,
  database: Database,
  filter: PurgeFilter,
): Promise<PurgeTotals> {
  return await countPurge(database, filter, isServerAdmin ? undefined : filter.teamId);
}

/** Takes artifacts out of the running cache, and waits a while until their bytes have gone, too. */
export async function purgeNow(
  { cache, database }: { cache: Cache; database: Database },
  filter: PurgeFilter,
  caller: Caller,
): Promise<PurgeTotals> {
  // What leaves the storage tells whether others have it, too.
  const counted = caller.isServerAdmin ? undefined : await countPurgeFor(caller, database, filter);
  const artifacts = await cache.purge(filter, caller.by);
  const freed = await collected(cache.collector, { isOurs: true, withinMs });
  return { artifacts, freed: counted?.freed ?? freed };
}
