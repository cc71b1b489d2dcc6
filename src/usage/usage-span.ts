import { Refusal } from "../refusal.ts";

export type UsageStep = "hour" | "day";

/** A time of whole steps, in UTC. */
export interface UsageSpan {
  /** Milliseconds since 1970, included. */
  since: number;
  /** Milliseconds since 1970, excluded. */
  until: number;
  step: UsageStep;
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

export function startOfStep(at: number, step: UsageStep): number {
  return Math.floor(at / stepMs[step]) * stepMs[step];
}
