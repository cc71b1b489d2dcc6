import type { Database } from "../database/database.ts";
import { type Actor, type AuditEntry, recordAudit } from "./audit-log.ts";

const minuteMs = 60_000;
/** Of more, those of which nothing came for a minute are forgotten, and with them how much was left out. */
const maxRememberedGroups = 1_000;

/** What came of one group of askers. */
interface Refusals {
  /** What was written within the last minute. */
  recent: { at: number; about: string | undefined }[];
  lastAt: number;
  /** How many since the last row were not written. */
  leftOut: number;
}

/**
 * Writes down what was refused, and no more of it than so much: strangers must not fill the disk with it. What was left out is
 * counted, and the next row tells it as `leftOut`.
 */
export class RefusalLog {
  /** In the order in which they were refused last. */
  private readonly groups = new Map<string, Refusals>();

  constructor(
    private readonly database: Database,
    private readonly maxPerMinute: number,
  ) {}

  /**
   * @param about of several with the same, such as the account that somebody tries, one a minute will do.
   * @param group of which there are so many a minute, whatever comes of others.
   */
  async record(by: Actor, entry: AuditEntry, about?: string, group = ""): Promise<void> {
    const now = Date.now();
    const refusals = this.refusalsOf(group, now);
    const { recent, leftOut } = refusals;
    const isKnown = about !== undefined && recent.some((one) => one.about === about);
    if (isKnown || recent.length >= this.maxPerMinute) {
      refusals.leftOut++;
      return;
    }
    // Before it is written, since the next may come meanwhile.
    const written = { at: now, about };
    recent.push(written);
    refusals.leftOut = 0;
    const details = leftOut === 0 ? entry.details : { ...entry.details, leftOut };
    try {
      await this.database.write((tx) => recordAudit(tx, by, { ...entry, ...(details && { details }) }));
    } catch (error) {
      refusals.recent = refusals.recent.filter((one) => one !== written);
      refusals.leftOut += leftOut + 1;
      throw error;
    }
  }

  private refusalsOf(group: string, now: number): Refusals {
    const refusals = this.groups.get(group) ?? { recent: [], lastAt: now, leftOut: 0 };
    refusals.recent = refusals.recent.filter(({ at }) => isRecent(at, now));
    refusals.lastAt = now;
    this.groups.delete(group);
    this.groups.set(group, refusals);
    this.forgetOldest(now);
    return refusals;
  }

  private forgetOldest(now: number): void {
    for (const [group, { lastAt }] of this.groups) {
      if (this.groups.size <= maxRememberedGroups || isRecent(lastAt, now)) return;
      this.groups.delete(group);
    }
  }
}

/** A clock that was set back must not keep what comes from being written down. */
function isRecent(at: number, now: number): boolean {
  return at <= now && now - at < minuteMs;
}
