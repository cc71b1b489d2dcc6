import type { CacheFigures } from "../cache/figures.ts";
import type { TeamCondition } from "../identity/team-conditions.ts";
import type { TokenDeadline } from "../identity/token-deadlines.ts";

/** Uploads that were refused for one reason. */
export interface RefusedUploads {
  /** The team's slug, if it is known. */
  team: string | undefined;
  /** A refusal's. */
  code: string;
  /** In the last 24 hours, as far as the server has run so long. */
  lastDay: number;
}

/** Settings that can be wrong for what goes on. */
export interface NoticeSettings {
  publicUrl: string | undefined;
  proxyHops: number;
  /** Undefined where nothing is read again. */
  verifyRate: number | undefined;
}

/** All that notices are made from, as it was at one moment. */
export interface NoticeFacts {
  now: number;
  /** Of the server. */
  startedAt: number;
  settings: NoticeSettings;
  cache: CacheFigures;
  refusedUploads: readonly RefusedUploads[];
  /** Hits, misses and uploads whose details there was no room for, since the start. */
  droppedUsage: number;
  hasAdministrator: boolean;
  teams: readonly TeamCondition[];
  tokens: readonly TokenDeadline[];
}

const dayMs = 86_400_000;

/** Since when what is counted of a day can be known: what came before the server's start is counted nowhere. */
export function lately({ now, startedAt }: NoticeFacts): string {
  return now - startedAt < dayMs ? "since the server's start" : "in the last 24 hours";
}
