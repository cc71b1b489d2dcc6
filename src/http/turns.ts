import { Refusal } from "../refusal.ts";

export interface TurnLimits {
  /** How many pieces of work of one owner are under way at the same time. */
  atOnce: number;
  /** How many more of that owner may wait. */
  maxWaiting: number;
  /** How long one may wait. */
  maxWaitMs: number;
}

interface Places {
  taken: number;
  waiting: Set<() => void>;
}

/** Lets each owner do only some things at once: the others wait, and nobody else's with them. */
export class Turns {
  private readonly places = new Map<string, Places>();

  constructor(private readonly limits: TurnLimits) {}

  /**
   * Does some work when it is its turn.
   * @throws Refusal `too_many_requests` where too many wait already, `unavailable` when its turn does not come in time, and
   *   whatever the work throws.
   */
  async take<T>(owner: string, work: () => Promise<T>): Promise<T> {
    const places = this.places.get(owner) ?? { taken: 0, waiting: new Set() };
    this.places.set(owner, places);
    if (places.taken < this.limits.atOnce) places.taken++;
    else await this.wait(places);
    try {
      return await work();
    } finally {
      const [next] = places.waiting;
      if (next) next();
      else if (--places.taken === 0) this.places.delete(owner);
    }
  }

  /** Until whoever has a place gives it on. */
  private async wait({ waiting }: Places): Promise<void> {
    const { maxWaiting, maxWaitMs } = this.limits;
    if (waiting.size >= maxWaiting) {
      throw new Refusal(
        "too_many_requests",
        "Too many requests of this token, user or team wait for their turn. Send fewer at a time.",
        1,
      );
    }
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        clearTimeout(timer);
        waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(go);
        const seconds = Math.ceil(maxWaitMs / 1000);
        reject(
          new Refusal(
            "unavailable",
            `Other requests of this token, user or team took more than ${seconds} s. Try again.`,
            1,
          ),
        );
      }, maxWaitMs);
      waiting.add(go);
    });
  }
}
