import type { Cache } from "../cache/cache.ts";
import type { Team } from "../identity/teams.ts";
import type { Notice } from "../notices/notice.ts";
import type { Notices } from "../notices/notices.ts";
import type { StorageHistory, StoredNow } from "../usage/storage-history.ts";
import { isoTime } from "./iso-time.ts";
import type { StorageTotals } from "./storage-totals.ts";
import type { UsageOverview } from "./usage-overview.ts";

/** What the overview of the pages, of the API and of `larder stats` shows. */
export interface Overview extends Omit<UsageOverview, "series"> {
  series: (UsageOverview["series"][number] & {
    /**
     * At the end of the step, or now: of the team that is asked for, or else the server's, which is null to those who may not see
     * all of it. Null also where it is not known.
     */
    storedBytes: number | null;
  })[];
  storage: StorageFigures;
  /** What is wrong now, what matters most first. */
  notices: Notice[];
  hasArtifacts: boolean;
}

/** What is the whole server's is null to those who may not see all of it. */
export interface StorageFigures {
  storedBytes: number | null;
  /** For uploads under way. */
  reservedBytes: number | null;
  /** Null also for no limit. */
  maxSizeBytes: number | null;
  /** Null also where the disk does not say. */
  freeBytes: number | null;
  minFreeBytes: number | null;
  artifacts: number;
  /** Where one team is asked for. */
  team: { usedBytes: number; quotaBytes: number | null } | null;
  /** Of the team that is asked for, or else the server's. Null also where no earlier time is known. */
  before: { at: string; storedBytes: number } | null;
}

/** Whom it is for, and what of it is asked for. */
export interface View {
  /** Whether the figures and the notices of the whole server may be seen. */
  isServerAdmin: boolean;
  /** Those that may be seen. */
  teams: readonly Pick<Team, "id" | "slug">[];
  /** The one that is asked for; undefined for all of them. */
  team: Pick<Team, "id" | "slug" | "usedBytes" | "quotaBytes"> | undefined;
}

export interface OverviewSources {
  cache: Pick<Cache, "capacity">;
  storageTotals: StorageTotals;
  storageHistory: StorageHistory;
  notices: Pick<Notices, "current">;
}

/** @param usage of what is asked for. */
export async function overviewOf(
  { cache, storageTotals, storageHistory, notices }: OverviewSources,
  usage: UsageOverview,
  view: View,
): Promise<Overview> {
  const { isServerAdmin, team } = view;
  const artifacts = await storageTotals.artifactsOf(teamIdsOf(view));
  const server = isServerAdmin ? await serverFigures(cache) : noServerFigures;
  const { before, series } = await storedOver(storageHistory, usage, storedNow(view, server));
  return {
    ...usage,
    series: usage.series.map((step, index) => ({ ...step, storedBytes: series[index] ?? null })),
    storage: {
      ...server,
      artifacts,
      team: team ? { usedBytes: team.usedBytes, quotaBytes: team.quotaBytes } : null,
      before,
    },
    notices: noticesFor(view, await notices.current()),
    hasArtifacts: artifacts > 0,
  };
}

/** Undefined for all that there are. */
export function teamIdsOf({ team, teams, isServerAdmin }: View): string[] | undefined {
  if (team) return [team.id];
  return isServerAdmin ? undefined : teams.map(({ id }) => id);
}

/** The server's are for those who can mend it, and a team's for those who see the team. */
export function noticesFor({ team: asked, teams, isServerAdmin }: View, all: readonly Notice[]): Notice[] {
  const ids = new Set(teams.map(({ id }) => id));
  return all.filter(({ teamId }) => {
    if (teamId === undefined) return isServerAdmin;
    return ids.has(teamId) && (asked?.id ?? teamId) === teamId;
  });
}

const noServerFigures = {
  storedBytes: null,
  reservedBytes: null,
  maxSizeBytes: null,
  freeBytes: null,
  minFreeBytes: null,
};

async function serverFigures({ capacity }: Pick<Cache, "capacity">) {
  const { storedBytes, reservedBytes, maxSizeBytes = null, minFreeBytes } = capacity;
  const freeBytes = await capacity.freeBytes().catch(() => null);
  return { storedBytes, reservedBytes, maxSizeBytes, freeBytes, minFreeBytes };
}

/** Of what is asked for; undefined for those who may not see it. */
function storedNow({ team }: View, { storedBytes }: { storedBytes: number | null }): StoredNow | undefined {
  if (team) return { sizeBytes: team.usedBytes, teamId: team.id };
  return storedBytes === null ? undefined : { sizeBytes: storedBytes };
}

async function storedOver(
  history: StorageHistory,
  { since, until, step }: UsageOverview,
  stored: StoredNow | undefined,
): Promise<{ before: StorageFigures["before"]; series: (number | null)[] }> {
  if (!stored) return { before: null, series: [] };
  const span = { since: Date.parse(since), until: Date.parse(until), step };
  const [before, series] = await Promise.all([history.at(span.since, stored), history.series(span, stored)]);
  return { before: before ? { at: isoTime(before.at), storedBytes: before.sizeBytes } : null, series };
}
