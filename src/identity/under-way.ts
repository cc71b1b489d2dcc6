/** Counts what is under way, by what it has in common. Memory: one entry for each key of which something is. */
export class UnderWay {
  private readonly counts = new Map<string, number>();

  get(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  begin(keys: readonly string[]): void {
    for (const key of keys) this.counts.set(key, this.get(key) + 1);
  }

  end(keys: readonly string[]): void {
    for (const key of keys) {
      const count = this.get(key) - 1;
      if (count > 0) this.counts.set(key, count);
      else this.counts.delete(key);
    }
  }
}
