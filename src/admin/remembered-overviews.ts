import { Refusal } from "../refusal.ts";
import { Remembered } from "../remembered.ts";
import type { UsageFilter, UsageHistory } from "../usage/usage-history.ts";
import { type UsageOverview, usageOverview } from "./usage-overview.ts";

export interface RememberedOptions {
  /** How old an answer may be. */
  maxAgeMs?: number;
  /** How many may wait for those before them. */
  maxWaiting?: number;
}

const defaultMaxAgeMs = 2_000;
const defaultMaxWaiting = 50;

/**
 * Overviews of the use, for many who look at once: the same is shared and remembered for a moment, and those of other times or
 * teams are put together one after the other, since each reads many rows.
 */
export class RememberedOverviews {
  private readonly remembered = new Map<string, Remembered<UsageOverview>>();
  private before: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private readonly maxAgeMs: number;
  private readonly maxWaiting: number;

  constructor(
    private readonly history: UsageHistory,
    { maxAgeMs = defaultMaxAgeMs, maxWaiting = defaultMaxWaiting }: RememberedOptions = {},
  ) {
    this.maxAgeMs = maxAgeMs;
    this.maxWaiting = maxWaiting;
  }

  /** @throws Refusal `unavailable` when very many wait already. */
  async get(filter: UsageFilter, wish: { byTeam: boolean }): Promise<UsageOverview> {
    this.forgetOld();
    const key = JSON.stringify([filter, wish]);
    const known = this.remembered.get(key);
    if (known) return await known.get();
    if (this.waiting >= this.maxWaiting)
      throw new Refusal("unavailable", "Too many ask for figures at once. Try again in a moment.", 2);
    const overview = new Remembered(() => this.inTurn(filter, wish), this.maxAgeMs);
    this.remembered.set(key, overview);
    return await overview.get();
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
    for (const [key, { isOld }] of this.remembered) if (isOld) this.remembered.delete(key);
  }
}
