/** What may come together before it is collected. */
const garbageBytes = 48 * 1024 * 1024;

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
    if (residentBytes - this.leastBytes <= this.allowedBytes) {
      this.leastBytes = Math.min(this.leastBytes, residentBytes);
      return;
    }
    memory.collectGarbage();
    // What is left is in use, however much it is.
    this.leastBytes = memory.residentBytes();
  }
}
