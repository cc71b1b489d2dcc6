/** What may come together before it is collected. */
const garbageBytes = 48 * 1024 * 1024;
/** After so many looks what was in use when garbage was collected, as in the middle of a flood, may have become some. */
const looksUntilAgain = 3;

/** What a process takes, and how it gives back what it no longer needs. */
export interface ProcessMemory {
  /** What of it is in memory. */
  residentBytes(): number;
  /** Takes some tens of milliseconds, in which nothing else is done. */
  collectGarbage(): void;
}

const thisProcess: ProcessMemory = {
  residentBytes: () => process.memoryUsage.rss(),
  collectGarbage: () => Bun.gc(true),
};

/**
 * Has garbage collected where it has come together. The engine (Bun 1.4.4) waits until its own objects have doubled, and what
 * these keep beside them, such as the buffers of connections that are gone, it hardly counts: after a flood a server would
 * keep hundreds of megabytes that nothing refers to.
 */
export class GarbageWatch {
  private leastBytes: number;
  /** How many looks there are until it is collected once more; undefined for only if need be. */
  private looksLeft: number | undefined;

  constructor(
    private readonly memory: ProcessMemory = thisProcess,
    private readonly allowedBytes = garbageBytes,
  ) {
    this.leastBytes = memory.residentBytes();
  }

  /** To be called now and then. */
  look(): void {
    const { memory } = this;
    const residentBytes = memory.residentBytes();
    const hasGrown = residentBytes - this.leastBytes > this.allowedBytes;
    if (this.looksLeft !== undefined) this.looksLeft--;
    if (!hasGrown && this.looksLeft !== 0) {
      this.leastBytes = Math.min(this.leastBytes, residentBytes);
      return;
    }
    memory.collectGarbage();
    this.leastBytes = memory.residentBytes();
    const wasWorthIt = residentBytes - this.leastBytes > this.allowedBytes;
    this.looksLeft = hasGrown || wasWorthIt ? looksUntilAgain : undefined;
  }
}
