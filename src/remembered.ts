interface Answer<T> {
  promise: Promise<T>;
  until: number;
}

/**
 * An answer that costs something, for many who ask: while it is under way all share it, and then it is remembered for a moment.
 * Its age counts from its beginning, since what changes after that may not be in it. One that takes longer than it may be old is
 * never begun beside itself. What fails is not remembered.
 */
export class Remembered<T> {
  private last: Answer<T> | undefined;

  /** @param maxAgeMs how old an answer may be. */
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly maxAgeMs: number,
  ) {}

  /** Whether `get` would ask anew. */
  get isOld(): boolean {
    return this.last === undefined || performance.now() >= this.last.until;
  }

  get(): Promise<T> {
    if (this.last && !this.isOld) return this.last.promise;
    const until = performance.now() + this.maxAgeMs;
    const answer = { promise: this.ask(), until: Number.POSITIVE_INFINITY };
    this.last = answer;
    answer.promise.then(
      () => {
        answer.until = until;
      },
      () => {
        this.last = undefined;
      },
    );
    return answer.promise;
  }
}
