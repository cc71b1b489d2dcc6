import type { Cache } from "../cache/cache.ts";
import type { Team } from "../identity/teams.ts";
import type { Notice } from "../notices/notice.ts";
import type { Notices } from "../notices/notices.ts";
import type { StorageTotals } from "./storage-totals.ts";
import type { UsageOverview } from "./usage-overview.ts";

/** What the overview of the pages, of the API and of `larder stats` shows. */
export interface Overview extends UsageOverview {
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
  notices: Pick<Notices, "current">;
}

/** @param usage of what is asked for. */
export async function overviewOf(
  { cache, storageTotals, notices }: OverviewSources,
  usage: UsageOverview,
  view: View,
): Promise<Overview> {
  const { team } = view;
  const artifacts = await storageTotals.artifactsOf(teamIdsOf(view));
  return {
    ...usage,
    storage: {
      ...(await serverFigures(cache, view)),
      artifacts,
      team: team ? { usedBytes: team.usedBytes, quotaBytes: team.quotaBytes } : null,
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

async function serverFigures({ capacity }: Pick<Cache, "capacity">, { isServerAdmin }: View) {
  if (!isServerAdmin)
    return {
      storedBytes: null,
      reservedBytes: null,
      maxSizeBytes: null,
      freeBytes: null,
      minFreeBytes: null,
    };
  const { storedBytes, reservedBytes, maxSizeBytes = null, minFreeBytes } = capacity;
  const freeBytes = await capacity.freeBytes().catch(() => null);
  return { storedBytes, reservedBytes, maxSizeBytes, freeBytes, minFreeBytes };
}
