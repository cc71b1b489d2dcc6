import type { SeriesPoint } from "../../api/types.ts";

const hourMs = 3_600_000;
/** More bars than that are a blur. */
const maxHours = 48;
const hoursOfBin = 3;

/** What the charts show. */
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
export type Bin = Pick<SeriesPoint, Charted | "startAt"> & { endAt: string };

/** Points of a series as bars: hours as they are, or three in one where there are many, as the clock of the reader has them. */
export function binsOf(series: readonly SeriesPoint[], step: "hour" | "day"): Bin[] {
  const lengthMs = step === "day" ? 24 * hourMs : hourMs;
  const bins: Bin[] = [];
  for (const point of series) {
    const endAt = new Date(Date.parse(point.startAt) + lengthMs).toISOString();
    const last = bins.at(-1);
    const joins =
      step === "hour" &&
      series.length > maxHours &&
      last !== undefined &&
      new Date(point.startAt).getHours() % hoursOfBin !== 0;
    if (!joins) bins.push({ ...point, endAt });
    else {
      for (const name of charted) last[name] += point[name];
      last.endAt = endAt;
    }
  }
  return bins;
}

/** The first bar of each day, where there are several days of hours; all of them else. */
export function dayStarts(bins: readonly Bin[]): string[] {
  const day = (bin: Bin) => new Date(bin.startAt).toDateString();
  return bins
    .filter((bin, index) => index > 0 && day(bin) !== day(bins[index - 1] as Bin))
    .map(({ startAt }) => startAt);
}
