import { and, asc, count, lt, lte } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { events, runs, usageHours } from "../database/schema.ts";
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

/** Forgets the runs to which nothing came for so long, and beyond so many the oldest. */
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
  const excess = (kept?.runs ?? 0) - atMost;
  if (excess > 0) await deleteInSteps(database, runs, undefined, { order, atMost: excess, signal });
}

/** Forgets the sums of hours after 90 days; those of days stay. */
export async function expireHours(
  database: Database,
  { now = Date.now(), signal }: ExpiryOptions = {},
): Promise<void> {
  const isOver = lt(usageHours.startAt, now - hoursMaxAgeMs);
  await deleteInSteps(database, usageHours, isOver, { order: [usageHours.startAt], signal });
}
