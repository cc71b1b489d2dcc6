import type { Overview, StorageFigures } from "../admin/overview.ts";
import { roundPercent, roundSize, roundTime } from "../units.ts";
import { addCounters, type Counters, noCounters, type Totals, totalsOf } from "../usage/counters.ts";
import { counted } from "./counted.ts";
import { textTable } from "./text-table.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** More are put together. */
const maxLines = 31;
const maxHours = 48;
const barWidth = 24;
const maxOrigins = 10;

/** The overview for people at a terminal. @param team its slug, where it is of one only. */
export function statsText(overview: Overview, team: string | undefined): string {
  const { since, until, byTeam = [], byOrigin, notices } = overview;
  const parts = [
    `From ${minute(since)} to ${minute(until)} (UTC), ${team === undefined ? "all teams" : `team ${team}`}\n`,
    sumText(overview),
    noticesText(notices),
    seriesText(overview),
    byTeam.length > 1
      ? textTable([["TEAM", ...figureNames], ...byTeam.map((one) => [one.team, ...figures(one)])])
      : "",
    originsText(byOrigin),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function sumText({ totals, before, storage }: Overview): string {
  const { remoteHits, localHits, remoteMisses, uploads, refusedUploads } = totals;
  const hits = remoteHits + localHits;
  const asked = hits + remoteMisses;
  return textTable([
    [
      "Hits",
      `${number(hits)} of ${number(asked)} ${asked === 1 ? "task" : "tasks"}${share(totals.hitRate)}: ${number(remoteHits)} from this cache, ${number(localHits)} local`,
      `before ${before.hitRate === null ? "-" : roundPercent(before.hitRate)}`,
    ],
    [
      "Time saved",
      `${roundTime(totals.savedMs)}${share(totals.hitRateByTime)}: ${roundTime(totals.remoteSavedMs)} from this cache, ${roundTime(totals.localSavedMs)} local`,
      `before ${roundTime(before.savedMs)}`,
    ],
    ["Downloaded", roundSize(totals.downloadedBytes), `before ${roundSize(before.downloadedBytes)}`],
    [
      "Uploaded",
      `${roundSize(totals.uploadedBytes)} in ${number(uploads)} ${uploads === 1 ? "upload" : "uploads"}`,
      `before ${roundSize(before.uploadedBytes)}`,
    ],
    ...(refusedUploads > 0
      ? [
          [
            "Refused",
            `${counted(refusedUploads, "upload")}, for size, quota or want of room`,
            `before ${number(before.refusedUploads)}`,
          ],
        ]
      : []),
    ["Storage", stored(storage), ...storedChange(storage)],
  ]);
}

function stored({ team, storedBytes, maxSizeBytes, freeBytes, artifacts }: StorageFigures): string {
  const used = team?.usedBytes ?? storedBytes ?? 0;
  const limit = team ? team.quotaBytes : maxSizeBytes;
  const ofLimit =
    limit === null
      ? `without a ${team ? "quota" : "limit"}`
      : `of ${roundSize(limit)}${share(limit === 0 ? 1 : used / limit)}`;
  const free = freeBytes === null ? "" : `; ${roundSize(freeBytes)} free on the disk`;
  return `${roundSize(used)} in ${number(artifacts)} ${artifacts === 1 ? "artifact" : "artifacts"}, ${ofLimit}${free}`;
}

/** Against the time that it names. None where nothing is known of an earlier one. */
function storedChange({ team, storedBytes, before }: StorageFigures): string[] {
  if (!before) return [];
  const { at } = before;
  const changeBytes = (team?.usedBytes ?? storedBytes ?? 0) - before.storedBytes;
  if (changeBytes === 0) return [`as much as at ${minute(at)}`];
  return [`${roundSize(Math.abs(changeBytes))} ${changeBytes > 0 ? "more" : "less"} than at ${minute(at)}`];
}

/** What is wrong, what that means, and what to do. */
function noticesText(notices: Overview["notices"]): string {
  return textTable(
    notices.flatMap(({ severity, title, message, remedy }) => [
      [severity.toUpperCase(), title],
      ["", message],
      ["", remedy],
    ]),
  );
}

/** One line for each day with what it saved, or for each hour of a short time, or for several days of a long one. */
function seriesText({ series, totals }: Overview): string {
  if (totals.remoteHits + totals.remoteMisses + totals.localHits + totals.uploads === 0) return "";
  const first = series[0]?.startAt;
  const last = series.at(-1)?.startAt;
  if (first === undefined || last === undefined) return "";
  const lengthMs = Date.parse(last) - Date.parse(first) + hourMs;
  const lineMs = lengthMs <= maxHours * hourMs ? hourMs : Math.ceil(lengthMs / dayMs / maxLines) * dayMs;
  const lines = new Map<number, Counters>();
  for (const one of series) {
    const startAt = Math.floor(Date.parse(one.startAt) / lineMs) * lineMs;
    const line = lines.get(startAt) ?? noCounters();
    lines.set(startAt, line);
    addCounters(line, one);
  }
  const sums = [...lines].map(([startAt, counters]) => ({ startAt, ...totalsOf(counters) }));
  const most = Math.max(...sums.map(({ savedMs }) => savedMs));
  const time = (startAt: number) => {
    const text = new Date(startAt).toISOString();
    return lineMs === hourMs ? minute(text) : text.slice(0, 10);
  };
  return textTable([
    [lineMs === hourMs ? "HOUR" : lineMs === dayMs ? "DAY" : "FROM", ...figureNames],
    ...sums.map((one) => [time(one.startAt), ...figures(one), bar(one.savedMs, most)]),
  ]);
}

function originsText(byOrigin: Overview["byOrigin"]): string {
  if (byOrigin.length === 0) return "";
  return textTable([
    ["ORIGIN", "NAME", ...figureNames],
    ...byOrigin.slice(0, maxOrigins).map((one) => [one.kind, one.name, ...figures(one)]),
  ]);
}

const figureNames = ["HITS", "RAN", "HIT RATE", "DOWNLOADED", "UPLOADED", "SAVED"];

function figures(totals: Totals): string[] {
  return [
    number(totals.remoteHits + totals.localHits),
    number(totals.remoteMisses),
    totals.hitRate === null ? "-" : roundPercent(totals.hitRate),
    roundSize(totals.downloadedBytes),
    roundSize(totals.uploadedBytes),
    roundTime(totals.savedMs),
  ];
}

function bar(part: number, most: number): string {
  if (part === 0) return "";
  return "█".repeat(Math.max(1, Math.round((part / most) * barWidth)));
}

function share(rate: number | null): string {
  return rate === null ? "" : ` (${roundPercent(rate)})`;
}

function number(count: number): string {
  return count.toLocaleString("en");
}

function minute(isoTime: string): string {
  return `${isoTime.slice(0, 10)} ${isoTime.slice(11, 16)}`;
}
