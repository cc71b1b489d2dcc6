/** In each of the two halves. */
const defaultMaxKept = 100_000;

/** Knows what was reported lately: the same again counts nothing. Of very many it forgets those that came first. */
export class ReportedOnce {
  private recent = new Set<bigint | number>();
  private older = new Set<bigint | number>();

  constructor(private readonly maxKept = defaultMaxKept) {}

  /** Whether it is reported for the first time, as far as that is known. */
  isFirst(what: string): boolean {
    // Sixteen bytes instead of three hundred; whoever finds two of the same digest spoils his own figures alone.
    const digest = Bun.hash(what);
    if (this.recent.has(digest) || this.older.has(digest)) return false;
    if (this.recent.size >= this.maxKept) {
      this.older = this.recent;
      this.recent = new Set();
    }
    this.recent.add(digest);
    return true;
  }
}
