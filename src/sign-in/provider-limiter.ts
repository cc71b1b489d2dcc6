import { placeOf } from "../identity/attempts.ts";
import { Refusal } from "../refusal.ts";

/** An office may be one place, and begins its day at one time. */
const maxPerMinuteOfPlace = 30;
const maxPerMinute = 240;
const minute = 60_000;

/**
 * Bounds how often strangers make us ask the provider, which may shut out a client that asks too much. A minute's worth may
 * come at once, then they come at the even rate. Only those let in are remembered, so memory is bounded by their number.
 */
export class ProviderLimiter {
  /** When the allowance of each place will be whole again. */
  private readonly wholeAt = new Map<string, number>();
  private allWholeAt = 0;

  /**
   * @param now in milliseconds of a clock that nobody sets.
   * @throws Refusal `too_many_requests` with the seconds to wait; then it is not counted.
   */
  take(address: string | null, now = performance.now()): void {
    for (const [place, wholeAt] of this.wholeAt) if (wholeAt <= now) this.wholeAt.delete(place);
    const place = placeOf(address);
    const wholeAt = Math.max(this.wholeAt.get(place) ?? now, now) + minute / maxPerMinuteOfPlace;
    const allWholeAt = Math.max(this.allWholeAt, now) + minute / maxPerMinute;
    const waitMs = Math.max(wholeAt, allWholeAt) - now - minute;
    // Rounding in the sums above must not cost the last one of the minute.
    if (waitMs > 0.001) {
      throw new Refusal(
        "too_many_requests",
        "Too many are signing in this way right now. Wait a moment, then load this page again.",
        Math.ceil(waitMs / 1000),
      );
    }
    this.wholeAt.set(place, wholeAt);
    this.allWholeAt = allWholeAt;
  }
}
