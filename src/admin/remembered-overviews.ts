import { Refusal } from "../refusal.ts";
import type { UsageFilter, UsageHistory } from "../usage/usage-history.ts";
import { type UsageOverview, usageOverview } from "./usage-overview.ts";

export interface RememberedOptions {
  rememberMs?: number;
  /** How many may wait for those before them. */
  maxWaiting?: number;
}

const defaultRememberMs = 2_000;
const defaultMaxWaiting = 50;

interface Remembered {
  overview: Promise<UsageOverview>;
  at: number;
}

/**
 * Overviews of the use, for many who look at once: the same is shared and remembered for a moment, and those of other times or
 * teams are put together one after the other, since each reads many rows.
 */
export class RememberedOverviews {
  private readonly remembered = new Map<string, Remembered>();
  private before: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private readonly rememberMs: number;
  private readonly maxWaiting: number;

  constructor(
    private readonly history: UsageHistory,
    { rememberMs = defaultRememberMs, maxWaiting = defaultMaxWaiting }: RememberedOptions = {},
  ) {
    this.rememberMs = rememberMs;
    this.maxWaiting = maxWaiting;
  }

  /** @throws Refusal `unavailable` when very many wait already. */
  async get(filter: UsageFilter, wish: { byTeam: boolean }): Promise<UsageOverview> {
    this.forgetOld();
    const key = JSON.stringify([filter, wish]);
    const known = this.remembered.get(key);
    if (known) return await known.overview;
    if (this.waiting >= this.maxWaiting)
      throw new Refusal("unavailable", "Too many ask for figures at once. Try again in a moment.", 2);
    const entry = { overview: this.inTurn(filter, wish), at: Number.POSITIVE_INFINITY };
    this.remembered.set(key, entry);
    entry.overview.then(
      () => {
        entry.at = performance.now();
      },
      () => this.remembered.delete(key),
    );
    return await entry.overview;
  }

  private inTurn(filter: UsageFilter, wish: { byTeam: boolean }): Promise<UsageOverview> {
    this.waiting++;
    const mine = this.before.then(() => usageOverview(this.history, filter, wish));
    // Others have their turn between two of them.
    this.before = mine
      .catch(() => {})
      .then(() => {
        this.waiting--;
        return new Promise((turned) => setImmediate(turned));
      });
    return mine;
  }

  private forgetOld(): void {
    const now = performance.now();
    for (const [key, { at }] of this.remembered) if (now - at >= this.rememberMs) this.remembered.delete(key);
  }
}
