import type { Cache } from "../cache/cache.ts";
import type { Database } from "../database/database.ts";
import { hasEnabledAdmin } from "../identity/change-user.ts";
import { teamConditions } from "../identity/team-conditions.ts";
import { tokenDeadlines } from "../identity/token-deadlines.ts";
import { Remembered } from "../remembered.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import { type Notice, severities } from "./notice.ts";
import type { NoticeFacts, NoticeSettings, RefusedUploads } from "./notice-facts.ts";
import { serverNotices } from "./server-notices.ts";
import { storageNotices } from "./storage-notices.ts";
import { deadlineMs, fullShare, teamNotices, unusedAfterMs } from "./team-notices.ts";
import { uploadNotices } from "./upload-notices.ts";

/** What is wrong now: what matters most first. */
export function noticesOf(facts: NoticeFacts): Notice[] {
  const notices = [
    ...storageNotices(facts),
    ...uploadNotices(facts),
    ...serverNotices(facts),
    ...teamNotices(facts),
  ];
  return severities.flatMap((severity) => notices.filter((notice) => notice.severity === severity));
}

export interface NoticeSources {
  cache: Cache;
  database: Database;
  settings: NoticeSettings;
  /** Counts since the start. */
  usage: Pick<UsageRecorder, "dropped">;
  counter: { refusedUploads(): readonly RefusedUploads[] };
}

/** How old an answer may be: it may be asked for with every look at a page, and by every page that is open. */
const maxAgeMs = 5_000;

/** What is wrong with a running server. */
export class Notices {
  private readonly startedAt = Date.now();
  private readonly gathered = new Remembered(async () => noticesOf(await this.gather()), maxAgeMs);

  constructor(private readonly sources: NoticeSources) {}

  /** What matters most first, as it was within the last seconds. */
  current(): Promise<Notice[]> {
    return this.gathered.get();
  }

  /** Nothing here takes longer where more is stored. */
  private async gather(): Promise<NoticeFacts> {
    const { cache, database, settings, usage, counter } = this.sources;
    const now = Date.now();
    return {
      now,
      startedAt: this.startedAt,
      settings,
      cache: await cache.figures(),
      refusedUploads: counter.refusedUploads(),
      droppedUsage: usage.dropped,
      hasAdministrator: await hasEnabledAdmin(database.read),
      teams: await teamConditions(database, { quotaShare: fullShare, unusedSince: now - unusedAfterMs }),
      tokens: await tokenDeadlines(database, { now, withinMs: deadlineMs }),
    };
  }
}
