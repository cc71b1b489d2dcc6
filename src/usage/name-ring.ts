/** Of a usual name, such as a hash in hex; of longer ones fewer wait. */
export const bytesPerName = 40;
export const maxNameLength = 256;

/**
 * Names that wait, each for its owner, in the order in which they came: of the same name the newest is taken first, and who has
 * waited longest of all has to go first. Whatever is asked of it costs the same however many wait.
 *
 * It consists of columns of numbers, in which the garbage collector has nothing to look for: tens of thousands of objects that
 * stay for seconds cost a request more than all that is done for it here. What belongs to a name, its user keeps in columns of
 * his own, by its place.
 */
export class NameRing {
  private firstPlace = 0;
  /** Those that are not free, and how many of their names still wait. */
  private places = 0;
  private waitingNames = 0;
  /** Where the bytes of the next name begin. Like `starts` it only grows; what is beyond the end is at the beginning. */
  private nextStart = 0;
  /** Another in each, or somebody could choose names that all lie in one chain. */
  private readonly seed = crypto.getRandomValues(new Int32Array(1))[0] as number;
  private readonly bytes: Buffer;
  private readonly starts: Float64Array;
  private readonly lengths: Uint16Array;
  private readonly owners: Float64Array;
  private readonly ats: Float64Array;
  private readonly isWaiting: Uint8Array;
  private readonly hashes: Uint32Array;
  /** The newest of each name are in chains, by their hashes. Links are one more than a place, and 0 where there is none. */
  private readonly chains: Uint32Array;
  private readonly nextInChain: Uint32Array;
  private readonly previousInChain: Uint32Array;
  /** Those of the same owner and name. */
  private readonly older: Uint32Array;
  private readonly newer: Uint32Array;

  /**
   * @param capacity how many places there are. That of a name that was taken is free only when those before it are.
   * @param left called with the place of each that nobody took in time, or for whom there is no more room; oldest first.
   */
  constructor(
    private readonly capacity: number,
    private readonly left: (place: number) => void,
  ) {
    this.bytes = Buffer.alloc(capacity * bytesPerName + maxNameLength);
    this.starts = new Float64Array(capacity);
    this.lengths = new Uint16Array(capacity);
    this.owners = new Float64Array(capacity);
    this.ats = new Float64Array(capacity);
    this.isWaiting = new Uint8Array(capacity);
    this.hashes = new Uint32Array(capacity);
    this.chains = new Uint32Array(2 ** Math.ceil(Math.log2(capacity)));
    this.nextInChain = new Uint32Array(capacity);
    this.previousInChain = new Uint32Array(capacity);
    this.older = new Uint32Array(capacity);
    this.newer = new Uint32Array(capacity);
  }

  /** How many wait. */
  get waiting(): number {
    return this.waitingNames;
  }

  /**
   * @param name of at most `maxNameLength` characters below U+0100.
   * @returns its place, which is below the capacity, and its own until it was taken or has left.
   */
  add(owner: number, name: string, at: number): number {
    const start = this.makeRoom(name.length);
    const place = (this.firstPlace + this.places) % this.capacity;
    this.places++;
    this.waitingNames++;
    this.nextStart = start + name.length;
    const hash = this.write(owner, name, start % this.bytes.length);
    this.starts[place] = start;
    this.lengths[place] = name.length;
    this.owners[place] = owner;
    this.ats[place] = at;
    this.isWaiting[place] = 1;
    const older = this.find(owner, name, hash);
    this.hashes[place] = hash;
    this.older[place] = older;
    this.newer[place] = 0;
    if (older !== 0) {
      this.newer[older - 1] = place + 1;
      this.leaveChain(older - 1);
    }
    this.joinChain(place);
    return place;
  }

  /** @returns the place of the newest of that name, which may be another's as soon as the next is added. */
  take(owner: number, name: string): number | undefined {
    const link = this.find(owner, name, this.hashOf(owner, name));
    if (link === 0) return undefined;
    this.remove(link - 1);
    return link - 1;
  }

  /** Lets go of all that have waited so long. */
  expire(now: number, maxAgeMs: number): void {
    while (this.places > 0) {
      // A clock that was set back must not keep them waiting.
      const ageMs = Math.abs(now - valueAt(this.ats, this.firstPlace));
      if (this.isWaiting[this.firstPlace] === 1 && ageMs < maxAgeMs) return;
      this.freeFirst();
    }
  }

  nameOf(place: number): string {
    const start = valueAt(this.starts, place) % this.bytes.length;
    return this.bytes.toString("latin1", start, start + valueAt(this.lengths, place));
  }

  /** Since when it waits. */
  timeOf(place: number): number {
    return valueAt(this.ats, place);
  }

  /** @returns where the bytes of a name of that length may begin. */
  private makeRoom(length: number): number {
    const toEnd = this.bytes.length - (this.nextStart % this.bytes.length);
    const start = length <= toEnd ? this.nextStart : this.nextStart + toEnd;
    const end = start + length;
    while (
      this.places === this.capacity ||
      (this.places > 0 && end - valueAt(this.starts, this.firstPlace) > this.bytes.length)
    )
      this.freeFirst();
    return start;
  }

  private freeFirst(): void {
    const place = this.firstPlace;
    this.firstPlace = (place + 1) % this.capacity;
    this.places--;
    if (this.isWaiting[place] === 0) return;
    this.remove(place);
    this.left(place);
  }

  /** From those of its name. Its place is free when it comes to its turn. */
  private remove(place: number): void {
    this.isWaiting[place] = 0;
    this.waitingNames--;
    const older = valueAt(this.older, place);
    const newer = valueAt(this.newer, place);
    if (older !== 0) this.newer[older - 1] = newer;
    if (newer !== 0) this.older[newer - 1] = older;
    else {
      this.leaveChain(place);
      if (older !== 0) this.joinChain(older - 1);
    }
  }

  private find(owner: number, name: string, hash: number): number {
    let link = valueAt(this.chains, this.chainOf(hash));
    while (link !== 0 && !this.isNamed(link - 1, owner, name, hash))
      link = valueAt(this.nextInChain, link - 1);
    return link;
  }

  private isNamed(place: number, owner: number, name: string, hash: number): boolean {
    if (this.hashes[place] !== hash || this.owners[place] !== owner || this.lengths[place] !== name.length)
      return false;
    const start = valueAt(this.starts, place) % this.bytes.length;
    for (let index = 0; index < name.length; index++)
      if (this.bytes[start + index] !== name.charCodeAt(index)) return false;
    return true;
  }

  private joinChain(place: number): void {
    const chain = this.chainOf(valueAt(this.hashes, place));
    const next = valueAt(this.chains, chain);
    this.nextInChain[place] = next;
    this.previousInChain[place] = 0;
    if (next !== 0) this.previousInChain[next - 1] = place + 1;
    this.chains[chain] = place + 1;
  }

  private leaveChain(place: number): void {
    const next = valueAt(this.nextInChain, place);
    const previous = valueAt(this.previousInChain, place);
    if (next !== 0) this.previousInChain[next - 1] = previous;
    if (previous !== 0) this.nextInChain[previous - 1] = next;
    else this.chains[this.chainOf(valueAt(this.hashes, place))] = next;
  }

  private chainOf(hash: number): number {
    return hash & (this.chains.length - 1);
  }

  /**
   * In one go with its hash: to have `Buffer` do it costs several times as much for a usual name, mostly because its code is in no
   * cache of the processor when a request comes to it.
   * @returns the hash.
   */
  private write(owner: number, name: string, start: number): number {
    let hash = this.seed ^ owner;
    for (let index = 0; index < name.length; index++) {
      const byte = name.charCodeAt(index);
      this.bytes[start + index] = byte;
      hash = mixed(hash, byte);
    }
    return hash >>> 0;
  }

  private hashOf(owner: number, name: string): number {
    let hash = this.seed ^ owner;
    for (let index = 0; index < name.length; index++) hash = mixed(hash, name.charCodeAt(index));
    return hash >>> 0;
  }
}

function mixed(hash: number, byte: number): number {
  const product = Math.imul(hash ^ byte, 0x5bd1e995);
  return product ^ (product >>> 15);
}

function valueAt(column: Float64Array | Uint32Array | Uint16Array, place: number): number {
  return column[place] as number;
}
