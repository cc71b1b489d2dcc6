import type { usageSteps } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";

/** By what the use is shown. */
export type UsageStep = (typeof usageSteps)[number];
/** By what it is summed up. */
export type RollupStep = UsageStep | "month";

/** A time of whole steps, in UTC. */
export interface UsageSpan {
  /** Milliseconds since 1970, included. */
  since: number;
  /** Milliseconds since 1970, excluded. */
  until: number;
  step: UsageStep;
}

/** A part of a time, which may be none. */
export interface RollupSpan {
  since: number;
  until: number;
  step: RollupStep;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const stepMs: Readonly<Record<UsageStep, number>> = { hour: hourMs, day: dayMs };
/** Days are kept for good. */
export const hoursMaxAgeMs = 90 * dayMs;

const maxInHoursMs = 7 * dayMs;
/** Some rows for each day are read. */
const maxSpanMs = 3_660 * dayMs;

/**
 * The whole steps that hold the time from `since` to `until`: hours for up to seven days as long as hours are kept, else days.
 * @throws Refusal `bad_request` when there is no time between the two, or more than ten years, or nothing of it has come.
 */
export function usageSpan(since: number, until: number, now = Date.now()): UsageSpan {
  const lengthMs = until - since;
  if (since > now) {
    throw new Refusal(
      "bad_request",
      `\`since\` is ${new Date(since).toISOString()}, which lies in the future. Name a time that has passed.`,
    );
  }
  if (!(lengthMs > 0)) {
    throw new Refusal("bad_request", "`since` is not before `until`. Change one of them.");
  }
  if (lengthMs > maxSpanMs) {
    throw new Refusal("bad_request", "Figures are shown for up to ten years at once. Name a later `since`.");
  }
  // The time before it, with which it is compared, shall be there in hours, too.
  const inHours = lengthMs <= maxInHoursMs && since - lengthMs >= now - hoursMaxAgeMs + dayMs;
  const step = inHours ? "hour" : "day";
  return { since: startOfStep(since, step), until: startOfStep(until - 1, step) + stepMs[step], step };
}

/** The time of the same length that ends where this one begins. */
export function spanBefore({ since, until, step }: UsageSpan): UsageSpan {
  return { since: since - (until - since), until: since, step };
}

/**
 * The same time in three parts, of which the sums are few rows to read: whole days or months, and at the edges the hours or days
 * that fill none.
 */
export function rollupSpans({ since, until, step }: UsageSpan): [RollupSpan, RollupSpan, RollupSpan] {
  const longer = step === "hour" ? "day" : "month";
  const from = Math.min(nextStart(since, longer), until);
  const to = Math.max(startOfStep(until, longer), from);
  return [
    { since, until: from, step },
    { since: from, until: to, step: longer },
    { since: to, until, step },
  ];
}

export function startOfStep(at: number, step: RollupStep): number {
  if (step !== "month") return Math.floor(at / stepMs[step]) * stepMs[step];
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** Of the first that does not begin before `at`. */
function nextStart(at: number, step: "day" | "month"): number {
  const longestMs = step === "day" ? dayMs : 31 * dayMs;
  return startOfStep(startOfStep(at - 1, step) + longestMs, step);
}
