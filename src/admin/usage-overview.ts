import type { Totals } from "../usage/counters.ts";
import type {
  TotalsAt,
  TotalsOfOrigin,
  TotalsOfTeam,
  UsageFilter,
  UsageHistory,
} from "../usage/usage-history.ts";
import { spanBefore, type UsageStep } from "../usage/usage-span.ts";

/** The use of the cache in a time, as scripts get it. */
export interface UsageOverview {
  /** Whole steps, which hold the time that was asked for. */
  since: string;
  until: string;
  step: UsageStep;
  totals: Totals;
  /** Of the time of the same length before. */
  before: Totals;
  series: (Omit<TotalsAt, "startAt"> & { startAt: string })[];
  /** Where more than one was asked for. */
  byTeam?: TotalsOfTeam[];
  byOrigin: TotalsOfOrigin[];
  /** Whether the server has ever given anything back, at whatever time. */
  isFirstHitSeen: boolean;
}

const maxOrigins = 20;

/** What the overview of the pages, of the API and of `larder stats` shows of the use. */
export async function usageOverview(
  history: UsageHistory,
  filter: UsageFilter,
  wish: { byTeam: boolean },
): Promise<UsageOverview> {
  const { span, teamIds } = filter;
  const [totals, before, series, byTeam, byOrigin, isFirstHitSeen] = await Promise.all([
    history.totals(filter),
    history.totals({ ...filter, span: spanBefore(span) }),
    history.series(filter),
    wish.byTeam ? history.byTeam(filter) : undefined,
    history.byOrigin(filter, maxOrigins),
    history.hasRemoteHit(teamIds),
  ]);
  return {
    since: iso(span.since),
    until: iso(span.until),
    step: span.step,
    totals,
    before,
    series: series.map((one) => ({ ...one, startAt: iso(one.startAt) })),
    ...(byTeam && { byTeam }),
    byOrigin,
    isFirstHitSeen,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
