import type { SeriesPoint } from "../../api/types.ts";

const hourMs = 3_600_000;
/** More bars than that are a blur. */
const maxHours = 48;
const maxDays = 100;
const hoursOfBin = 3;
const monday = 1;

/** What the charts show that adds up. */
const charted = [
  "remoteHits",
  "localHits",
  "remoteMisses",
  "remoteSavedMs",
  "localSavedMs",
  "downloadedBytes",
  "uploadedBytes",
] as const;

export type Charted = (typeof charted)[number];

/** A bar of a chart. */
export type Bin = Pick<SeriesPoint, Charted | "startAt" | "storedBytes"> & { endAt: string };

/**
 * Points of a series as bars: hours and days as they are or, where there are many, three hours in one, as the clock of the reader
 * has them, and weeks of the server's days. Of what was stored, a bar has what there was at its end.
 */
export function binsOf(series: readonly SeriesPoint[], step: "hour" | "day"): Bin[] {
  const lengthMs = step === "day" ? 24 * hourMs : hourMs;
  const isBlur = series.length > (step === "day" ? maxDays : maxHours);
  const bins: Bin[] = [];
  for (const point of series) {
    const endAt = new Date(Date.parse(point.startAt) + lengthMs).toISOString();
    const last = bins.at(-1);
    if (!isBlur || !last || begins(new Date(point.startAt), step)) bins.push({ ...point, endAt });
    else {
      for (const name of charted) last[name] += point[name];
      last.storedBytes = point.storedBytes ?? last.storedBytes;
      last.endAt = endAt;
    }
  }
  return bins;
}

/** Whether a bar of several points begins with this one. */
function begins(startAt: Date, step: "hour" | "day"): boolean {
  return step === "day" ? startAt.getUTCDay() === monday : startAt.getHours() % hoursOfBin === 0;
}

/** The first bar of each day by the clock of the reader. */
export function dayStarts(bins: readonly Bin[]): string[] {
  return starts(bins, ({ startAt }) => new Date(startAt).toDateString());
}

/** The first bar that begins in each of the server's months. */
export function monthStarts(bins: readonly Bin[]): string[] {
  return starts(bins, ({ startAt }) => startAt.slice(0, "2026-11".length));
}

function starts(bins: readonly Bin[], spanOf: (bin: Bin) => string): string[] {
  return bins
    .filter((bin, index) => index > 0 && spanOf(bin) !== spanOf(bins[index - 1] as Bin))
    .map(({ startAt }) => startAt);
}
