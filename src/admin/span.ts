import { readPastTime } from "../past-time.ts";
import { Refusal } from "../refusal.ts";
import { isoTime } from "./iso-time.ts";

/**
 * From when to when a query asks.
 * @throws Refusal `bad_request` for what is no time, or no time between the two.
 */
export function spanOf(query: { since?: string; until?: string }): { since?: number; until?: number } {
  const since = momentOf("since", query.since);
  const until = momentOf("until", query.until);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new Refusal(
      "bad_request",
      `since is ${isoTime(since)}, which is not before until, ${isoTime(until)}. Change one of them.`,
    );
  }
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

function momentOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const moment = readPastTime(text);
  if (moment !== undefined) return moment;
  throw new Refusal(
    "bad_request",
    `The query's field "${name}" takes a time ago such as 7d, or a moment such as 2026-11-20T10:00:00Z.`,
  );
}

/**
 * The moment that a field of a body names, where the schema takes no other.
 * @throws Refusal `bad_request` for a day or an hour that is none, which the schema does not see.
 */
export function bodyMoment(name: string, text: string): number {
  const moment = readPastTime(text);
  if (moment !== undefined) return moment;
  throw new Refusal(
    "bad_request",
    `The body's field "${name}" is no day or no time that there is. It takes one such as 2026-11-20T10:00:00Z.`,
  );
}
