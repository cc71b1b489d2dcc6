import { Turns } from "../http/turns.ts";
import { Remembered } from "../remembered.ts";
import type { UsageFilter, UsageHistory } from "../usage/usage-history.ts";
import { type UsageOverview, usageOverview } from "./usage-overview.ts";

export interface RememberedOptions {
  /** How old an answer may be. */
  maxAgeMs?: number;
  /** How many of one owner may wait for those before them. */
  maxWaiting?: number;
}

const defaultMaxAgeMs = 2_000;
const defaultMaxWaiting = 50;
const maxWaitMs = 30_000;

/**
 * Overviews of the use, for many who look at once: the same is shared and remembered for a moment, and those of other times or
 * teams are put together one after the other, since each reads many rows. Nobody waits for more than one of each other owner.
 */
export class RememberedOverviews {
  private readonly remembered = new Map<string, Remembered<UsageOverview>>();
  private before: Promise<unknown> = Promise.resolve();
  private readonly turns: Turns;
  private readonly maxAgeMs: number;

  constructor(
    private readonly history: UsageHistory,
    { maxAgeMs = defaultMaxAgeMs, maxWaiting = defaultMaxWaiting }: RememberedOptions = {},
  ) {
    this.maxAgeMs = maxAgeMs;
    this.turns = new Turns({ atOnce: 1, maxWaiting, maxWaitMs });
  }

  /**
   * @param owner whose requests wait for each other, such as a team's.
   * @throws Refusal as `Turns.take`.
   */
  async get(owner: string, filter: UsageFilter, wish: { byTeam: boolean }): Promise<UsageOverview> {
    this.forgetOld();
    // Shared with another owner, it would have to wait in that one's line.
    const key = JSON.stringify([owner, filter, wish]);
    const known = this.remembered.get(key);
    if (known) return await known.get();
    const overview = new Remembered(
      () => this.turns.take(owner, () => this.oneByOne(filter, wish)),
      this.maxAgeMs,
    );
    this.remembered.set(key, overview);
    return await overview.get();
  }

  private oneByOne(filter: UsageFilter, wish: { byTeam: boolean }): Promise<UsageOverview> {
    const mine = this.before.then(() => usageOverview(this.history, filter, wish));
    // Others have their turn between two of them.
    this.before = mine.catch(() => {}).then(() => new Promise((turned) => setImmediate(turned)));
    return mine;
  }

  private forgetOld(): void {
    for (const [key, { isOld }] of this.remembered) if (isOld) this.remembered.delete(key);
  }
}
