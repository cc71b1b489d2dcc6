import { Refusal } from "../../refusal.ts";
import type { ClientEvent } from "../../usage/client-event.ts";
import { isHash } from "./hash.ts";

/** turbo sends at most 100 at a time (2.11.11). */
const maxEvents = 1_000;
const maxSessionIdLength = 64;

/** `[{"sessionId", "source", "event", "hash", "duration"}, …]`: all are good, or all are refused. @throws Refusal `bad_request`. */
export function parseEvents(body: unknown): ClientEvent[] {
  if (!Array.isArray(body)) throw new Refusal("bad_request", "Send an array of events.");
  if (body.length > maxEvents) {
    throw new Refusal("bad_request", `Send at most ${maxEvents} events at a time; these are ${body.length}.`);
  }
  return body.map((event, index) => parseEvent(event, `[${index}]`));
}

function parseEvent(value: unknown, at: string): ClientEvent {
  if (typeof value !== "object" || value === null) throw new Refusal("bad_request", `${at} is no object.`);
  const { sessionId, source, event, hash, duration } = value as Record<string, unknown>;
  if (source !== "LOCAL" && source !== "REMOTE") {
    throw new Refusal("bad_request", `${at}.source is "LOCAL" or "REMOTE".`);
  }
  if (event !== "HIT" && event !== "MISS")
    throw new Refusal("bad_request", `${at}.event is "HIT" or "MISS".`);
  if (!isHash(hash)) {
    throw new Refusal("bad_request", `${at}.hash is 1 to 256 characters, each a letter, a digit, - or _.`);
  }
  return {
    sessionId: parseSessionId(sessionId, at),
    source,
    event,
    hash,
    durationMs: parseDuration(duration, at),
  };
}

/** The document asks for a UUID and turbo's type makes it optional, so any short text will do. */
function parseSessionId(value: unknown, at: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value.length <= maxSessionIdLength) return value;
  throw new Refusal("bad_request", `${at}.sessionId is a text of at most ${maxSessionIdLength} characters.`);
}

/** The published type is a number, so a fraction of a millisecond is rounded away. */
function parseDuration(value: unknown, at: string): number {
  if (value === undefined || value === null) return 0;
  const durationMs = typeof value === "number" ? Math.round(value) : Number.NaN;
  if (durationMs >= 0 && Number.isSafeInteger(durationMs)) return durationMs;
  throw new Refusal("bad_request", `${at}.duration is a time in milliseconds, 0 or more.`);
}
