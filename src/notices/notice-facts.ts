import type { CacheFigures } from "../cache/figures.ts";
import type { TeamCondition } from "../identity/team-conditions.ts";
import type { Team } from "../identity/teams.ts";
import type { TokenDeadline } from "../identity/token-deadlines.ts";

/** Uploads that were refused for one reason. */
export interface RefusedUploads {
  /** If it is known, as it is called today. */
  team: Pick<Team, "id" | "slug"> | undefined;
  /**
   * A refusal's, of those since the server's start; undefined for those before, of which the sums tell: for their size, a quota,
   * or want of room.
   */
  code: string | undefined;
  /** In the last 24 hours. */
  lastDay: number;
}

/** Settings that can be wrong for what goes on. */
export interface NoticeSettings {
  publicUrl: string | undefined;
  proxyHops: number;
  /** Undefined where nothing is read again. */
  verifyRate: number | undefined;
}

/** What only the running server knows. */
export interface ServerFacts {
  startedAt: number;
  settings: NoticeSettings;
  /** Hits, misses and uploads whose details there was no room for, since the start. */
  droppedUsage: number;
}

/** All that notices are made from, as it was at one moment. */
export interface NoticeFacts {
  now: number;
  /** Undefined in a command, which goes by the data folder. */
  server: ServerFacts | undefined;
  cache: CacheFigures;
  refusedUploads: readonly RefusedUploads[];
  hasAdministrator: boolean;
  teams: readonly TeamCondition[];
  tokens: readonly TokenDeadline[];
}

const dayMs = 86_400_000;

/** Whether a part of the last 24 hours lies before the server's start. */
export function isStartedLately({ now, server }: NoticeFacts): boolean {
  return server !== undefined && now - server.startedAt < dayMs;
}
