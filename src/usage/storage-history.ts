import { and, desc, eq, gt, lte, max, min } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { storageHistory, teamStorageHistory, teams } from "../database/schema.ts";
import { stepMs, type UsageSpan, type UsageStep } from "./usage-span.ts";

/** What the server stores now, or what a team uses. */
export interface StoredNow {
  sizeBytes: number;
  /** Undefined for the server. */
  teamId?: string;
}

export interface StoredAt {
  /** The end of an hour, in milliseconds since 1970. */
  at: number;
  sizeBytes: number;
}

/** Of which time it is known how much was stored. */
interface KnownTime {
  /** Up to then there was nothing. */
  beganAt: number;
  /** When it was written down first, and last. */
  firstAt: number;
  lastAt: number;
}

/** Tells how much was stored, from what a `StorageRecorder` has written. */
export class StorageHistory {
  constructor(private readonly database: Database) {}

  /**
   * How much it was at the end of an hour that has passed or, where that is not known, at the first one after it that is.
   * Undefined where there is none.
   */
  async at(endAt: number, stored: StoredNow, now = Date.now()): Promise<StoredAt | undefined> {
    const known = await this.knownTime(stored, now);
    const at = endAt <= known.beganAt ? endAt : Math.max(endAt, known.firstAt);
    if (at > now) return undefined;
    const sizeBytes = sizeAt(at, await this.writtenUntil(stored, at, "hour"), known, stored);
    return sizeBytes === null ? undefined : { at, sizeBytes };
  }

  /**
   * How much it was at the end of each step, and is in the one that has not ended. Null where it is not known, and for those that
   * have not begun.
   */
  async series(
    { since, until, step }: UsageSpan,
    stored: StoredNow,
    now = Date.now(),
  ): Promise<(number | null)[]> {
    const known = await this.knownTime(stored, now);
    let written = await this.writtenUntil(stored, since, step);
    const rows = await this.writtenBetween(stored, since, until, step);
    let next = 0;
    const series: (number | null)[] = [];
    for (let endAt = since + stepMs[step]; endAt <= until; endAt += stepMs[step]) {
      for (let row = rows[next]; row && row.at <= endAt; row = rows[++next]) written = row.sizeBytes;
      if (endAt <= now) series.push(sizeAt(endAt, written, known, stored));
      else series.push(endAt - stepMs[step] <= now ? stored.sizeBytes : null);
    }
    return series;
  }

  private async knownTime({ teamId }: StoredNow, now: number): Promise<KnownTime> {
    const { read } = this.database;
    const [began] = await read
      .select({ at: min(teams.createdAt) })
      .from(teams)
      .where(teamId === undefined ? undefined : eq(teams.id, teamId));
    // Both in one question, SQLite would look through all of them.
    const [first] = await read.select({ at: min(storageHistory.endAt) }).from(storageHistory);
    const [last] = await read
      .select({ at: max(storageHistory.endAt) })
      .from(storageHistory)
      .where(lte(storageHistory.endAt, now));
    return {
      beganAt: began?.at ?? Number.NEGATIVE_INFINITY,
      firstAt: first?.at ?? Number.POSITIVE_INFINITY,
      lastAt: last?.at ?? Number.NEGATIVE_INFINITY,
    };
  }

  /** What was written down after a time, up to another; of days alone, if they are asked for. */
  private writtenBetween({ teamId }: StoredNow, since: number, until: number, step: UsageStep) {
    const { sizeBytes, table, ofOwner } = sourceOf(teamId);
    return this.database.read
      .select({ at: table.endAt, sizeBytes })
      .from(table)
      .where(and(ofOwner, gt(table.endAt, since), lte(table.endAt, until), ofStep(table, step)))
      .orderBy(table.endAt);
  }

  /** What was written down last up to a time; 0 where nothing was. */
  private async writtenUntil({ teamId }: StoredNow, at: number, step: UsageStep): Promise<number> {
    const { sizeBytes, table, ofOwner } = sourceOf(teamId);
    const [row] = await this.database.read
      .select({ sizeBytes })
      .from(table)
      .where(and(ofOwner, lte(table.endAt, at), ofStep(table, step)))
      .orderBy(desc(table.endAt))
      .limit(1);
    return row?.sizeBytes ?? 0;
  }
}

function sourceOf(teamId: string | undefined) {
  return teamId === undefined
    ? { table: storageHistory, sizeBytes: storageHistory.storedBytes, ofOwner: undefined }
    : {
        table: teamStorageHistory,
        sizeBytes: teamStorageHistory.usedBytes,
        ofOwner: eq(teamStorageHistory.teamId, teamId),
      };
}

/** The end of a day is that of an hour, too. */
function ofStep({ step }: typeof storageHistory | typeof teamStorageHistory, asked: UsageStep) {
  return asked === "day" ? eq(step, asked) : undefined;
}

/** @param written what was written down last before. */
function sizeAt(
  endAt: number,
  written: number,
  { beganAt, firstAt, lastAt }: KnownTime,
  stored: StoredNow,
): number | null {
  if (endAt <= beganAt) return 0;
  if (endAt < firstAt) return null;
  // What is there now will be written down for it: see `StorageRecorder`.
  return endAt > lastAt ? stored.sizeBytes : written;
}
