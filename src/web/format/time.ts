const steps: readonly [limitMs: number, unitMs: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60_000, 1_000, "second"],
  [3_600_000, 60_000, "minute"],
  [86_400_000, 3_600_000, "hour"],
  // As far as tokens usually last, so that they are said to expire when it was said that they should.
  [100 * 86_400_000, 86_400_000, "day"],
  [730 * 86_400_000, 30.4375 * 86_400_000, "month"],
  [Number.POSITIVE_INFINITY, 365.25 * 86_400_000, "year"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });

/** How long ago something was, or how long from now: `5 min. ago`. */
export function formatRelativeTime(atMs: number, nowMs: number): string {
  const differenceMs = atMs - nowMs;
  if (Math.abs(differenceMs) < 10_000) return "just now";
  const [, unitMs, unit] = steps.find(
    ([limitMs]) => Math.abs(differenceMs) < limitMs,
  ) as (typeof steps)[number];
  const count = differenceMs / unitMs;
  // What is gone is as old as it says at least. A week to come is not one day less as soon as a second of it is over.
  return relative.format(count < 0 ? Math.trunc(count) : Math.round(count), unit);
}

/** The same to the second, with the zone of the one who reads it. */
export function formatExactTime(at: string): string {
  return new Date(at).toLocaleString("en-GB", {
    dateStyle: "medium",
    timeStyle: "long",
  });
}

const dayText = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const monthText = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
const dateText = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const weekdayText = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });
const hourText = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const clockText = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** A day of the server's figures, which are by UTC: `18 Nov`. */
export function formatDay(at: string): string {
  return dayText.format(new Date(at));
}

/** The month of a day of the server's figures: `Nov`. */
export function formatMonth(at: string): string {
  return monthText.format(new Date(at));
}

/** A day of the server's figures or several, with year and zone: `16 Nov to 22 Nov 2026 UTC`. @param endAt excluded. */
export function formatDays(startAt: string, endAt: string): string {
  const [first, last] = [formatDay(startAt), dateText.format(Date.parse(endAt) - 1)];
  return `${last.startsWith(`${first} `) ? last : `${first} to ${last}`} UTC`;
}

/** A day by the clock of the reader: `Wed 18`. */
export function formatWeekday(at: string): string {
  return weekdayText.format(new Date(at));
}

/** Day and hour by the clock of the reader: `18 Nov, 15:00`. */
export function formatHour(at: string): string {
  return hourText.format(new Date(at));
}

/** The hour by the clock of the reader: `15:00`. */
export function formatClock(at: string): string {
  return clockText.format(new Date(at));
}

/** `Wed 18, 15:00 to 18:00`. */
export function formatHours(startAt: string, endAt: string): string {
  return `${formatWeekday(startAt)}, ${formatClock(startAt)} to ${formatClock(endAt)}`;
}

/** What a field for a day and a time shows of a moment such as the API's, by the clock of the reader; empty for what is none. */
export function formatLocalMoment(at: string): string {
  const moment = new Date(/^\d{4}-/.test(at) ? at : Number.NaN);
  if (Number.isNaN(moment.getTime())) return "";
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, "2026-11-20T10:00".length);
}

/** The moment that such a field holds, as the API takes it; empty for none. */
export function readLocalMoment(text: string): string {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
}

/** When a day such as `2026-11-20` ends by the clock of the reader, as the API takes it; empty for none. */
export function readLocalDayEnd(day: string): string {
  const end = new Date(`${day}T00:00`);
  if (Number.isNaN(end.getTime())) return "";
  // Not every day has 24 hours.
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}

/** The zone of the reader's clock, such as `Europe/Berlin`. */
export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
