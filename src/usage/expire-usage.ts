import { and, asc, count, eq, gte, lt, lte, max, min, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import {
  events,
  runs,
  storageHistory,
  teamStorageHistory,
  usageHours,
  usageTeamHours,
} from "../database/schema.ts";
import { hoursMaxAgeMs } from "./usage-span.ts";

export interface ExpiryOptions {
  now?: number;
  /** Ends it between two steps. */
  signal?: AbortSignal | undefined;
}

/** However young they are. */
const maxRuns = 1_000_000;
/** Short enough that no request notices a step. */
const rowsPerStep = 1_000;
const runsPerCount = 5_000;

/**
 * Forgets, a few at a time, the events that are too old. Those with the lowest ids are the oldest, so it looks no further than to
 * the first that may stay.
 */
export async function expireEvents(
  database: Database,
  { maxAgeMs }: { maxAgeMs: number },
  { now = Date.now(), signal }: ExpiryOptions = {},
): Promise<void> {
  const before = now - maxAgeMs;
  for (let isMore = true; isMore && !signal?.aborted; ) {
    isMore = await database.write(async (tx) => {
      const [last] = await tx
        .select({ id: events.id, createdAt: events.createdAt })
        .from(events)
        .orderBy(asc(events.id))
        .limit(1)
        .offset(rowsPerStep - 1);
      // Where fewer are left, this is the last step.
      const some = last && lte(events.id, last.id);
      await tx.delete(events).where(and(some, lt(events.createdAt, before)));
      return last !== undefined && last.createdAt < before;
    });
  }
}

/**
 * Forgets the runs to which nothing came for so long, and of too many the oldest of those teams that have the most: one team's
 * flood costs no other that has less.
 */
export async function expireRuns(
  database: Database,
  { maxAgeMs, atMost = maxRuns }: { maxAgeMs: number; atMost?: number },
  { now = Date.now(), signal }: ExpiryOptions = {},
): Promise<void> {
  const before = now - maxAgeMs;
  const order = [runs.startedAt, runs.id];
  // The index finds those that began before, and few of them can have gone on since.
  const isOver = and(lt(runs.startedAt, before), lt(runs.lastEventAt, before));
  await deleteInSteps(database, runs, isOver, { order, signal });
  const [kept] = await database.read.select({ runs: count() }).from(runs);
  if ((kept?.runs ?? 0) <= atMost) return;
  for (const { teamId, excess } of beyondShares(await runsOfTeams(database, signal), atMost))
    await deleteInSteps(database, runs, eq(runs.teamId, teamId), { order, atMost: excess, signal });
}

interface RunsOfTeam {
  teamId: string;
  kept: number;
}

/** Some runs at a time; in between others have their turn. Of none where it was ended. */
async function runsOfTeams({ read }: Database, signal: AbortSignal | undefined): Promise<RunsOfTeam[]> {
  const ofTeams = new Map<string, number>();
  // Both in one question, SQLite would look through all of them.
  const [first] = await read.select({ id: min(runs.id) }).from(runs);
  const [last] = await read.select({ id: max(runs.id) }).from(runs);
  for (let from = first?.id ?? 0; from <= (last?.id ?? 0); from += runsPerCount) {
    if (signal?.aborted) return [];
    const some = await read
      .select({ teamId: runs.teamId, kept: count() })
      .from(runs)
      .where(and(gte(runs.id, from), lt(runs.id, from + runsPerCount)))
      .groupBy(runs.teamId);
    for (const { teamId, kept } of some) ofTeams.set(teamId, (ofTeams.get(teamId) ?? 0) + kept);
    await new Promise((turned) => setImmediate(turned));
  }
  return [...ofTeams].map(([teamId, kept]) => ({ teamId, kept }));
}

/** How many each team has too many, so that what is left fits: all have the same share, and what some leave is for the others. */
function beyondShares(all: RunsOfTeam[], atMost: number): { teamId: string; excess: number }[] {
  let left = atMost;
  return all
    .sort((a, b) => a.kept - b.kept)
    .map(({ teamId, kept }, index) => {
      const share = Math.min(kept, Math.floor(left / (all.length - index)));
      left -= share;
      return { teamId, excess: kept - share };
    })
    .filter(({ excess }) => excess > 0);
}

/** Forgets the sums of hours after 90 days, and what was stored at their ends; those of days and months stay. */
export async function expireHours(
  database: Database,
  { now = Date.now(), signal }: ExpiryOptions = {},
): Promise<void> {
  const before = now - hoursMaxAgeMs;
  for (const table of [usageHours, usageTeamHours]) {
    const isOver = lt(table.startAt, before);
    await deleteInSteps(database, table, isOver, { order: [table.startAt], signal });
  }
  for (const table of [storageHistory, teamStorageHistory]) {
    // With the text as the index of the teams' has it: a parameter would keep SQLite from using it.
    const isHourOver = and(sql`${table.step} = 'hour'`, lt(table.endAt, before));
    await deleteInSteps(database, table, isHourOver, { order: [table.endAt], signal });
  }
}
