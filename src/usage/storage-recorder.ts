import { and, desc, eq, lt, lte, or, type SQL, sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { storageHistory, teamStorageHistory, teams } from "../database/schema.ts";
import { startOfStep, stepMs, type UsageStep } from "./usage-span.ts";

/**
 * Writes down how much is stored at the end of each hour. What a server finds when it starts counts for the end of each hour since
 * the last one that was written down: while none runs nothing is stored, and what a command takes out counts as gone since then.
 */
export class StorageRecorder {
  /** The end of an hour up to which there is nothing more to be written. */
  private recordedUntil: number | undefined;

  /** @param storedBytes what all blobs take now. */
  constructor(
    private readonly database: Database,
    private readonly storedBytes: () => number,
  ) {}

  /** To be called often: it does nothing until another hour has ended. */
  async record(now = Date.now()): Promise<void> {
    const until = startOfStep(now, "hour");
    if (until === this.recordedUntil) return;
    const [last] = await this.database.read
      .select({ endAt: storageHistory.endAt })
      .from(storageHistory)
      .where(lte(storageHistory.endAt, until))
      .orderBy(desc(storageHistory.endAt))
      .limit(1);
    // What a folder held before anything of it was written down, nobody knows.
    const isKnown = last !== undefined || this.recordedUntil !== undefined;
    if (isKnown) await this.write(endsToWrite(last?.endAt ?? until - stepMs.hour, until));
    this.recordedUntil = until;
  }

  private async write(ends: readonly number[]): Promise<void> {
    if (ends.length === 0) return;
    await this.database.write(async (tx) => {
      const storedBytes = this.storedBytes();
      for (const endAt of ends) {
        const step: UsageStep = endAt === startOfStep(endAt, "day") ? "day" : "hour";
        await tx.insert(storageHistory).values({ endAt, step, storedBytes }).onConflictDoNothing();
        await writeChangedTeams(tx, endAt, step);
      }
    });
  }
}

/**
 * The next end of an hour after the last that was written down, the next end of a day, and the last that has come. In between
 * nothing has changed.
 */
function endsToWrite(last: number, until: number): number[] {
  const ends = [last + stepMs.hour, startOfStep(last, "day") + stepMs.day, until];
  return [...new Set(ends)].filter((endAt) => endAt > last && endAt <= until).sort((a, b) => a - b);
}

async function writeChangedTeams(tx: Queries, endAt: number, step: UsageStep): Promise<void> {
  const hasChangedSince = (before: SQL) => sql`${teams.usedBytes} is distinct from ${before}`;
  const hasChanged = hasChangedSince(usedBefore(tx, endAt));
  // The days have to do without the hours when those have gone.
  const hasChangedSinceDay = hasChangedSince(usedBefore(tx, endAt, "day"));
  await tx
    .insert(teamStorageHistory)
    .select(
      tx
        .select({
          endAt: sql<number>`${endAt}`.as("end_at"),
          step: sql<UsageStep>`${step}`.as("step"),
          teamId: teams.id,
          usedBytes: teams.usedBytes,
        })
        .from(teams)
        .where(step === "day" ? or(hasChanged, hasChangedSinceDay) : hasChanged),
    )
    .onConflictDoNothing();
}

/** What a team used when it was last written down, at whatever step or at this one. */
function usedBefore(tx: Queries, endAt: number, step?: UsageStep): SQL {
  const { teamId, usedBytes, ...at } = teamStorageHistory;
  const last = tx
    .select({ usedBytes })
    .from(teamStorageHistory)
    .where(and(eq(teamId, teams.id), lt(at.endAt, endAt), step && eq(at.step, step)))
    .orderBy(desc(at.endAt))
    .limit(1);
  return sql`${last}`;
}
