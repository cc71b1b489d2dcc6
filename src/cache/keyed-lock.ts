interface Entry {
  /** The last piece of work that has the key to itself, under way or waiting. */
  exclusive: Promise<unknown>;
  /** All that share the key, under way or waiting, and have come after it. */
  shared: Set<Promise<unknown>>;
}

/** Pieces of work that share a key run side by side; one that excludes has it to itself. First come, first served. */
export class KeyedLock {
  private readonly entries = new Map<string, Entry>();

  share<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.entryOf(key);
    const mine = entry.exclusive.then(work);
    entry.shared.add(mine);
    return this.settle(key, entry, mine);
  }

  exclude<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.entryOf(key);
    const mine = Promise.allSettled([entry.exclusive, ...entry.shared]).then(work);
    // Whoever comes next waits for the end, not for the success.
    entry.exclusive = mine.catch(() => {});
    entry.shared.clear();
    return this.settle(key, entry, mine);
  }

  /** How many keys are in use. */
  get size(): number {
    return this.entries.size;
  }

  private entryOf(key: string): Entry {
    const entry = this.entries.get(key) ?? { exclusive: Promise.resolve(), shared: new Set() };
    this.entries.set(key, entry);
    return entry;
  }

  /** Forgets the key when nobody wants it any more. */
  private async settle<T>(key: string, entry: Entry, mine: Promise<T>): Promise<T> {
    const { exclusive } = entry;
    try {
      return await mine;
    } finally {
      entry.shared.delete(mine);
      if (entry.exclusive === exclusive && entry.shared.size === 0) this.entries.delete(key);
    }
  }
}
