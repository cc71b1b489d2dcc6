import { inArray } from "drizzle-orm";
import type { Cache } from "../cache/cache.ts";
import type { Database } from "../database/database.ts";
import { teams } from "../database/schema.ts";
import { hasEnabledAdmin } from "../identity/change-user.ts";
import { teamConditions } from "../identity/team-conditions.ts";
import type { Team } from "../identity/teams.ts";
import { tokenDeadlines } from "../identity/token-deadlines.ts";
import { Remembered } from "../remembered.ts";
import { type RefusedInHour, refusedByHour } from "../usage/refused-by-hour.ts";
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

/** Counted by the team's id, since a slug may be another team's soon. */
interface CountedRefusals extends Omit<RefusedUploads, "team"> {
  teamId: string | undefined;
}

export interface NoticeSources {
  cache: Cache;
  database: Database;
  /** Of a running server, which counts since its start; undefined in a command, which goes by the data folder. */
  server?: {
    settings: NoticeSettings;
    usage: Pick<UsageRecorder, "dropped">;
    counter: { refusedUploads(): readonly CountedRefusals[] };
  };
}

/** How old an answer may be: it may be asked for with every look at a page, and by every page that is open. */
const maxAgeMs = 5_000;
const hourMs = 3_600_000;

/** What is wrong with a larder. */
export class Notices {
  private readonly startedAt = Date.now();
  private readonly gathered = new Remembered(async () => noticesOf(await this.gather()), maxAgeMs);

  private constructor(
    private readonly sources: NoticeSources,
    private readonly refusedBefore: readonly RefusedInHour[],
  ) {}

  /** To be called before the first upload: what is refused from then on, the server counts itself. */
  static async open(sources: NoticeSources): Promise<Notices> {
    return new Notices(sources, await refusedByHour(sources.database, firstHour(Date.now())));
  }

  /** What matters most first, as it was within the last seconds. */
  current(): Promise<Notice[]> {
    return this.gathered.get();
  }

  /** Nothing here takes longer where more is stored. */
  private async gather(): Promise<NoticeFacts> {
    const { cache, database, server } = this.sources;
    const now = Date.now();
    return {
      now,
      server: server && {
        startedAt: this.startedAt,
        settings: server.settings,
        droppedUsage: server.usage.dropped,
      },
      cache: await cache.figures(),
      refusedUploads: await this.refusedUploads(now),
      hasAdministrator: await hasEnabledAdmin(database.read),
      teams: await teamConditions(database, { quotaShare: fullShare, unusedSince: now - unusedAfterMs }),
      tokens: await tokenDeadlines(database, { now, withinMs: deadlineMs }),
    };
  }

  private async refusedUploads(now: number): Promise<RefusedUploads[]> {
    const { database, server } = this.sources;
    const refused = [...(server?.counter.refusedUploads() ?? []), ...this.refusedBeforeStart(now)];
    const ids = refused.flatMap(({ teamId }) => teamId ?? []);
    const teamOf = new Map((await teamsOf(database, ids)).map((team) => [team.id, team]));
    return refused.flatMap(({ teamId, code, lastDay }) => {
      const team = teamId === undefined ? undefined : teamOf.get(teamId);
      // Of a team that has been deleted nobody is told.
      return teamId !== undefined && team === undefined ? [] : [{ team, code, lastDay }];
    });
  }

  private refusedBeforeStart(now: number): CountedRefusals[] {
    const lately = this.refusedBefore.filter(({ startAt }) => startAt >= firstHour(now));
    return [...Map.groupBy(lately, ({ teamId }) => teamId)].map(([teamId, hours]) => ({
      teamId,
      code: undefined,
      lastDay: hours.reduce((total, { uploads }) => total + uploads, 0),
    }));
  }
}

/** Those of them that there still are, as they are called today. */
async function teamsOf({ read }: Database, ids: readonly string[]): Promise<Pick<Team, "id" | "slug">[]> {
  return await read
    .select({ id: teams.id, slug: teams.slug })
    .from(teams)
    .where(inArray(teams.id, [...new Set(ids)]));
}

/** The first of the 24 hours that end with this one. */
function firstHour(now: number): number {
  return (Math.floor(now / hourMs) - 23) * hourMs;
}
