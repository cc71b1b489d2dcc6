const hourMs = 3_600_000;

/** Counts what happened within the last 24 hours, to the hour. */
export class LastDay {
  private readonly byHour = new Map<number, number>();

  add(now = Date.now()): void {
    const hour = Math.floor(now / hourMs);
    this.forget(hour);
    this.byHour.set(hour, (this.byHour.get(hour) ?? 0) + 1);
  }

  total(now = Date.now()): number {
    this.forget(Math.floor(now / hourMs));
    let total = 0;
    for (const count of this.byHour.values()) total += count;
    return total;
  }

  /** After the clock was set back, too. */
  private forget(hour: number): void {
    for (const old of this.byHour.keys()) if (old <= hour - 24 || old > hour) this.byHour.delete(old);
  }
}
