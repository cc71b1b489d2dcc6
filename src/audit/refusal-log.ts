import type { Database } from "../database/database.ts";
import { type Actor, type AuditEntry, recordAudit } from "./audit-log.ts";

const minuteMs = 60_000;

/** Writes down what was refused, and no more of it than so much: strangers must not fill the disk with it. */
export class RefusalLog {
  /** What was written within the last minute. */
  private recent: { at: number; about: string | undefined }[] = [];

  constructor(
    private readonly database: Database,
    private readonly maxPerMinute: number,
  ) {}

  /** @param about of several with the same, such as the account that somebody tries, one a minute will do. */
  async record(by: Actor, entry: AuditEntry, about?: string): Promise<void> {
    const now = Date.now();
    // A clock that was set back must not keep what comes from being written down.
    this.recent = this.recent.filter(({ at }) => at <= now && now - at < minuteMs);
    if (this.recent.length >= this.maxPerMinute) return;
    if (about !== undefined && this.recent.some((one) => one.about === about)) return;
    // Before it is written, since the next may come meanwhile.
    this.recent.push({ at: now, about });
    await this.database.write((tx) => recordAudit(tx, by, entry));
  }
}
