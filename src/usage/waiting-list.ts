interface Place<Item> {
  readonly key: string;
  readonly item: Item;
  readonly at: number;
  isGone: boolean;
  /** Under the same key. */
  older: Place<Item> | undefined;
  newer: Place<Item> | undefined;
  /** Of all. */
  next: Place<Item> | undefined;
}

/**
 * Items that wait under keys: the newest of a key is taken first, and who has waited longest of all has to go first. Whatever is
 * asked of it costs the same however many wait.
 */
export class WaitingList<Item> {
  private readonly newest = new Map<string, Place<Item>>();
  private first: Place<Item> | undefined;
  private last: Place<Item> | undefined;
  /** With those that were taken, and whose place is not yet cleared. */
  private places = 0;

  /** @param expired called for each that nobody took in time, or for whom there is no more room; oldest first. */
  constructor(
    private readonly maxPlaces: number,
    private readonly expired: (item: Item) => void = () => {},
  ) {}

  /** How many there may be: some of them may have been taken. */
  get size(): number {
    return this.places;
  }

  add(key: string, item: Item, at: number): void {
    if (this.places >= this.maxPlaces) this.expireFirst();
    const older = this.newest.get(key);
    const place = { key, item, at, isGone: false, older, newer: undefined, next: undefined };
    if (older) older.newer = place;
    this.newest.set(key, place);
    if (this.last) this.last.next = place;
    else this.first = place;
    this.last = place;
    this.places++;
  }

  take(key: string): Item | undefined {
    const place = this.newest.get(key);
    if (!place) return undefined;
    this.remove(place);
    return place.item;
  }

  /** Lets go of all that have waited so long. */
  expire(now: number, maxAgeMs: number): void {
    // A clock that was set back must not keep them waiting.
    while (this.first && (this.first.isGone || Math.abs(now - this.first.at) >= maxAgeMs)) this.expireFirst();
  }

  private expireFirst(): void {
    const place = this.first;
    if (!place) return;
    this.first = place.next;
    if (!this.first) this.last = undefined;
    this.places--;
    if (place.isGone) return;
    this.remove(place);
    this.expired(place.item);
  }

  /** From its key. Its place among all is cleared when it comes to its turn. */
  private remove(place: Place<Item>): void {
    const { older, newer } = place;
    place.isGone = true;
    if (older) older.newer = newer;
    if (newer) newer.older = older;
    else if (older) this.newest.set(place.key, older);
    else this.newest.delete(place.key);
  }
}
