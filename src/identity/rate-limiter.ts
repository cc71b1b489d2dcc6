import { Refusal } from "../refusal.ts";

/** Clients wait no longer anyway: turbo (2.11.11) obeys a Retry-After of up to 10 seconds. */
const maxRetryAfterSeconds = 10;

/**
 * Counts each token's requests within a minute. One slow minute's worth may come at once; after that they are let in at
 * the even rate. Memory: one small entry for each token seen within the last minute.
 */
export class RateLimiter {
  /** When each token's allowance will be whole again. */
  private readonly wholeAt = new Map<string, number>();

  /** @param maxRequestsPerMinute undefined for no limit. */
  constructor(private readonly maxRequestsPerMinute: number | undefined) {}

  /** @param owner who is counted, such as a token. @throws Refusal `too_many_requests`, with the seconds to wait. */
  take(owner: string, now = Date.now()): void {
    if (this.maxRequestsPerMinute === undefined) return;
    const requestMs = 60_000 / this.maxRequestsPerMinute;
    const wholeAt = Math.max(this.wholeAt.get(owner) ?? now, now) + requestMs;
    const waitMs = wholeAt - now - 60_000;
    // Rounding in the sums above must not cost the last request of the minute.
    if (waitMs > 0.001) {
      throw new Refusal(
        "too_many_requests",
        `These were more than ${this.maxRequestsPerMinute} requests in a minute (maxRequestsPerMinute).`,
        Math.min(Math.ceil(waitMs / 1000), maxRetryAfterSeconds),
      );
    }
    this.wholeAt.delete(owner);
    this.wholeAt.set(owner, wholeAt);
    this.forgetWhole(now);
  }

  /** The map is in order of last use, so those that are whole again are mostly at its front. */
  private forgetWhole(now: number): void {
    for (const [key, wholeAt] of this.wholeAt) {
      if (wholeAt > now) return;
      this.wholeAt.delete(key);
    }
  }
}
