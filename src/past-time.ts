import { parseTime } from "./units.ts";

const isoPattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * A moment, in milliseconds since 1970, from `7d` (ago) or `2026-11-20T10:00Z`. What names no zone is UTC.
 * @returns undefined for what is none.
 */
export function readPastTime(written: string, now: () => number = Date.now): number | undefined {
  const text = written.trim();
  const agoMs = parseTime(text);
  // Before the beginning of that count nothing has happened here.
  if (agoMs !== undefined) return Math.max(0, now() - agoMs);
  const parts = isoPattern.exec(text);
  if (!parts) return undefined;
  const [, time, , , zone] = parts;
  // All times that larder prints are UTC, so what names no zone is, too.
  const value = Date.parse(time !== undefined && zone === undefined ? `${text}Z` : text);
  return Number.isNaN(value) || !isSameDay(text, value, zone) ? undefined : value;
}

/** There is no February 30, but some parsers take it for March 2. */
function isSameDay(text: string, value: number, zone: string | undefined): boolean {
  const [hours = 0, minutes = 0] =
    zone === undefined || zone === "Z" ? [] : zone.slice(1).split(":").map(Number);
  const offsetMs = (hours * 60 + minutes) * 60_000 * (zone?.startsWith("-") ? -1 : 1);
  return new Date(value + offsetMs).toISOString().slice(0, 10) === text.slice(0, 10);
}
