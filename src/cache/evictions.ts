import { chosen, keep } from "../database/choices.ts";
import type { Database } from "../database/database.ts";
import type { TakenOut } from "./books.ts";

/** Why artifacts go: for the server's own room, for their team's quota, or since nobody used them for so long. */
export const evictionReasons = ["room", "quota", "age"] as const;
export type EvictionReason = (typeof evictionReasons)[number];

/** What is trusted and what is not have each its own: what is untrusted goes first, and may be young in a cache of any size. */
export type Trust = "trusted" | "untrusted";

/** How long before it went the youngest of what went had been used: the shorter, the smaller the cache is for its work. */
export interface YoungestEvicted {
  /** Undefined while nothing of that trust has gone for room. */
  lastRoundMs: number | undefined;
  /** Of all rounds of the last 24 hours. */
  dayMs: number | undefined;
}

/** Under which a data folder keeps how young what went was, by hours. */
const youngestKey = "youngestEvicted";

/** What has gone since the process began, in plain numbers; and, with `keep` and `restore`, the youngest of a day before it. */
export class Evictions {
  private readonly byReason = {
    room: { artifacts: 0, sizeBytes: 0 },
    quota: { artifacts: 0, sizeBytes: 0 },
    age: { artifacts: 0, sizeBytes: 0 },
  };
  private readonly lastRound: Record<Trust, number | undefined> = {
    trusted: undefined,
    untrusted: undefined,
  };
  private readonly day = { trusted: new DayMinimum(), untrusted: new DayMinimum() };

  add(reason: EvictionReason, { artifacts, sizeBytes }: TakenOut): void {
    this.byReason[reason].artifacts += artifacts;
    this.byReason[reason].sizeBytes += sizeBytes;
  }

  /** @param lastUsedAt of the youngest that went for room in one round; undefined if nothing did. */
  endRound(trust: Trust, lastUsedAt: number | undefined, now = Date.now()): void {
    if (lastUsedAt === undefined) return;
    // Recency is written late, and clocks are set back.
    const ageMs = Math.max(0, now - lastUsedAt);
    this.lastRound[trust] = ageMs;
    this.day[trust].add(ageMs, now);
  }

  total(reason: EvictionReason): { artifacts: number; sizeBytes: number } {
    return { ...this.byReason[reason] };
  }

  /** Writes down the youngest of the last 24 hours. */
  async keep(database: Database): Promise<void> {
    const { trusted, untrusted } = this.day;
    const value = JSON.stringify({ trusted: trusted.hours(), untrusted: untrusted.hours() });
    await database.write((tx) => keep(tx, youngestKey, value));
  }

  /** Goes on from what was written down. */
  async restore(database: Database): Promise<void> {
    const kept = await chosen(database, youngestKey);
    if (kept === undefined) return;
    const { trusted, untrusted } = JSON.parse(kept) as Record<Trust, [hour: number, value: number][]>;
    this.day.trusted.restore(trusted);
    this.day.untrusted.restore(untrusted);
  }

  youngest(trust: Trust, now = Date.now()): YoungestEvicted {
    return { lastRoundMs: this.lastRound[trust], dayMs: this.day[trust].at(now) };
  }
}

const hourMs = 3_600_000;

/** The least of what was added within 24 hours, to the hour. */
class DayMinimum {
  private readonly byHour = new Map<number, number>();

  add(value: number, now: number): void {
    const hour = Math.floor(now / hourMs);
    this.forget(hour);
    this.byHour.set(hour, Math.min(value, this.byHour.get(hour) ?? Number.POSITIVE_INFINITY));
  }

  hours(): [hour: number, value: number][] {
    return [...this.byHour];
  }

  restore(hours: readonly [hour: number, value: number][]): void {
    for (const [hour, value] of hours) this.byHour.set(hour, value);
  }

  at(now: number): number | undefined {
    this.forget(Math.floor(now / hourMs));
    return this.byHour.size === 0 ? undefined : Math.min(...this.byHour.values());
  }

  private forget(hour: number): void {
    for (const old of this.byHour.keys()) if (old <= hour - 24 || old > hour) this.byHour.delete(old);
  }
}
