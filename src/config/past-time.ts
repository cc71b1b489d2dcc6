import { readPastTime } from "../past-time.ts";
import type { ValueKind } from "./value-kinds.ts";

/** A moment, in milliseconds since 1970: `2h` is two hours ago, `2026-11-20` or `2026-11-20T10:00Z` is that one. */
export function pastTimeValue(now: () => number = Date.now): ValueKind<number> {
  return {
    placeholder: "time",
    allowed: "a time ago such as 2h or 7d, or a moment such as 2026-11-20 or 2026-11-20T10:00:00Z (UTC)",
    read(raw) {
      const value = typeof raw === "string" ? readPastTime(raw, now) : undefined;
      return value === undefined ? undefined : { value };
    },
    format: (timeMs) => new Date(timeMs).toISOString(),
    json: (timeMs) => new Date(timeMs).toISOString(),
  };
}
