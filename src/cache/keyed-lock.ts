interface Entry {
  /** The last piece of work that has the key to itself, under way or waiting. */
  exclusive: Promise<unknown>;
  /** All that share the key, under way or waiting, and have come after it. */
  shared: Set<Promise<unknown>>;
}

/** Pieces of work that share a key run side by side; one that excludes has its keys to itself. First come, first served. */
export class KeyedLock {
  private readonly entries = new Map<string, Entry>();

  async share<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.entryOf(key);
    const { exclusive } = entry;
    const mine = exclusive.then(work);
    entry.shared.add(mine);
    try {
      return await mine;
    } finally {
      entry.shared.delete(mine);
      this.forget(key, entry, exclusive);
    }
  }

  async exclude<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const entries = new Map(keys.map((key) => [key, this.entryOf(key)]));
    const before = [...entries.values()].flatMap((entry) => [entry.exclusive, ...entry.shared]);
    const mine = Promise.allSettled(before).then(work);
    // Whoever comes next waits for the end, not for the success.
    const ended = mine.catch(() => {});
    // All keys are taken in this one turn, so that two that want the same ones never wait for each other.
    for (const entry of entries.values()) {
      entry.exclusive = ended;
      entry.shared.clear();
    }
    try {
      return await mine;
    } finally {
      for (const [key, entry] of entries) this.forget(key, entry, ended);
    }
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

  /** When nobody wants the key any more. */
  private forget(key: string, entry: Entry, exclusive: Promise<unknown>): void {
    if (entry.exclusive === exclusive && entry.shared.size === 0 && this.entries.get(key) === entry) {
      this.entries.delete(key);
    }
  }
}
