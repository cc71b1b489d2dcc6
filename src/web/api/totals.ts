import type { Overview, Totals } from "./types.ts";

/** What is counted, as opposed to what follows from it. */
const counted = [
  "remoteHits",
  "remoteMisses",
  "localHits",
  "localMisses",
  "remoteSavedMs",
  "localSavedMs",
  "missedMs",
  "uploads",
  "uploadedBytes",
  "downloadedBytes",
  "refusedUploads",
] as const;

/** Two spans of time as one. */
export function addTotals(totals: Totals, more: Partial<Totals>): Totals {
  const sum = { ...totals };
  for (const name of counted) sum[name] += more[name] ?? 0;
  const hits = sum.remoteHits + sum.localHits;
  const tasks = hits + sum.remoteMisses;
  const savedMs = sum.remoteSavedMs + sum.localSavedMs;
  const workMs = savedMs + sum.missedMs;
  return {
    ...sum,
    savedMs,
    hitRate: tasks === 0 ? null : hits / tasks,
    hitRateByTime: workMs === 0 ? null : savedMs / workMs,
  };
}

/** An overview with what has happened since it was made. It belongs to the newest point of its series. */
export function addToOverview(overview: Overview, more: Partial<Totals>): Overview {
  const last = overview.series.at(-1);
  return {
    ...overview,
    totals: addTotals(overview.totals, more),
    series: last
      ? [...overview.series.slice(0, -1), { startAt: last.startAt, ...addTotals(last, more) }]
      : overview.series,
  };
}
