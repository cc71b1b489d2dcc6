/**
 * Something that costs more to have than to use, and so is shared by all who want it in the same turn of the event loop:
 * by the requests that had arrived when the first of them was looked at. The next turn has its own, unless it was first
 * wanted at the very end of this one (in a `setImmediate`).
 */
export class PerTurn<T> {
  private held: { value: T } | undefined;

  constructor(
    private readonly take: () => T,
    private readonly giveBack: (value: T) => void = () => {},
  ) {}

  get(): T {
    if (this.held) return this.held.value;
    const held = { value: this.take() };
    this.held = held;
    setImmediate(() => {
      if (this.held === held) this.end();
    });
    return held.value;
  }

  /** Before the turn ends. Whoever wants it after that in the same turn gets a new one. */
  end(): void {
    if (!this.held) return;
    const { value } = this.held;
    this.held = undefined;
    this.giveBack(value);
  }
}
