import { Refusal } from "../refusal.ts";

export interface CapacityOptions {
  /** What is stored and reserved together never exceeds it; undefined for no limit. */
  maxSizeBytes: number | undefined;
  /** What has to stay free on the disk, whoever fills it. */
  minFreeBytes: number;
  /** What is stored at the start. */
  storedBytes: number;
  freeBytes: () => Promise<number>;
  /** How long an upload waits for room. */
  patienceMs: number;
}

/** Room for one upload that has not been stored yet. */
export interface Reservation {
  /** Makes it at least so large; within what was announced, room can always be made. @throws Refusal `no_space`. */
  cover(sizeBytes: number): Promise<void>;
  /** To be told what has been written of it, so that the disk's free space is not counted twice. */
  wrote(sizeBytes: number): void;
  /** The upload has ended: `storedBytes` of it stay. To be called once. */
  settle(storedBytes: number): void;
}

/** How old the disk's free space may be before it is asked again. */
const freeBytesAgeMs = 500;
const roomPollMs = 20;
/** Above the first share of the limit eviction begins, and it ends at the second. */
const highMark = 0.95;
const lowMark = 0.9;

/**
 * Untrusted uploads under way are promised at most so much of a limit, all together. Otherwise a stranger who announces much
 * and sends little would keep everybody else's waiting.
 */
export const untrustedShare = 0.1;

/** What the uploads under way take. */
interface Taken {
  promised: number;
  reserved: number;
  /** What those want that wait for room. */
  waiting: number;
}

/**
 * The books of the room: every byte is reserved before it is written, so the limit holds however many write at once. What
 * uploads announce beyond that is only promised, and nothing goes for it: what is promised to trusted uploads fits under the
 * limit, and what is promised to untrusted ones into a small share of it.
 */
export class Capacity {
  private readonly trusted: Taken = { promised: 0, reserved: 0, waiting: 0 };
  private readonly untrusted: Taken = { promised: 0, reserved: 0, waiting: 0 };
  private written = 0;
  private stored: number;
  private writtenEver = 0;
  private waiters = 0;
  /** As the disk last said it, and what had been written by then. */
  private free: { bytes: Promise<number>; at: number; writtenEver: number } | undefined;

  constructor(private readonly options: CapacityOptions) {
    this.stored = options.storedBytes;
  }

  get storedBytes(): number {
    return this.stored;
  }

  get reservedBytes(): number {
    return this.trusted.reserved + this.untrusted.reserved;
  }

  get minFreeBytes(): number {
    return this.options.minFreeBytes;
  }

  /** How many uploads wait for room. */
  get waitingUploads(): number {
    return this.waiters;
  }

  get maxSizeBytes(): number | undefined {
    return this.options.maxSizeBytes;
  }

  /** On the disk, as it said within the last half second. */
  async freeBytes(): Promise<number> {
    return (await this.readFreeBytes()).bytes;
  }

  /** Frees what must go; resolves when something has, or nothing can. Set by the evictor. */
  makeRoom: () => Promise<void> = async () => {};

  /**
   * @param announcedBytes what the upload may come to need, of which `sizeBytes` are reserved now.
   * @throws Refusal `no_space` when room cannot be made in time, or what was announced can never fit; `too_large` for more
   *   than untrusted uploads may take.
   */
  async reserve(sizeBytes: number, announcedBytes = sizeBytes, isTrusted = true): Promise<Reservation> {
    const taken = isTrusted ? this.trusted : this.untrusted;
    let size = 0;
    let promised = 0;
    let written = 0;
    const cover = async (wanted: number) => {
      if (wanted <= size) return;
      const whole = Math.max(wanted, promised);
      await this.take(taken, wanted - size, whole - promised, whole);
      size = wanted;
      promised = whole;
    };
    await this.take(taken, sizeBytes, announcedBytes, announcedBytes);
    size = sizeBytes;
    promised = announcedBytes;
    return {
      cover,
      wrote: (bytes) => {
        written += bytes;
        this.written += bytes;
        this.writtenEver += bytes;
      },
      settle: (storedBytes) => {
        taken.reserved -= size;
        taken.promised -= promised;
        this.written -= written;
        this.stored += storedBytes;
      },
    };
  }

  /** Blobs have left the storage, or come back to it. */
  add(sizeBytes: number): void {
    this.stored += sizeBytes;
  }

  /**
   * What has to go so that all who wait would leave the low mark; 0 if there is room enough.
   * @param leavingBytes what is stored and on its way out.
   */
  excessBytes(leavingBytes = 0): number {
    return this.excess(
      this.stored - leavingBytes + this.reservedBytes,
      this.trusted.waiting + this.untrusted.waiting,
    );
  }

  /**
   * The same of what is trusted, which never goes for untrusted uploads to come, nor for what they have stored.
   * To be asked when nothing untrusted is left that could go.
   */
  trustedExcessBytes(leavingBytes: number): number {
    const { reserved, waiting } = this.trusted;
    // A trusted upload shall not wait for the end of an untrusted one, which its sender could put off.
    const inTheWay = waiting > 0 ? this.untrusted.reserved : 0;
    return this.excess(this.stored - leavingBytes + reserved + inTheWay, waiting);
  }

  private excess(taken: number, waiting: number): number {
    const { maxSizeBytes } = this.options;
    if (maxSizeBytes === undefined) return 0;
    const wanted = taken + waiting;
    const limit = waiting > 0 ? maxSizeBytes : maxSizeBytes * highMark;
    return wanted > limit ? Math.ceil(wanted - maxSizeBytes * lowMark) : 0;
  }

  /** @throws Refusal `no_space` when the disk is too full to write to. */
  async check(): Promise<void> {
    const { minFreeBytes } = this.options;
    let { bytes: free } = await this.readFreeBytes();
    if (free < minFreeBytes) ({ bytes: free } = await this.readFreeBytes(0));
    if (free < minFreeBytes) throw this.diskFull(free);
  }

  /**
   * @param promisedBytes how much more than before is promised.
   * @param wholeBytes what is promised to the upload then in all.
   */
  private async take(
    taken: Taken,
    sizeBytes: number,
    promisedBytes: number,
    wholeBytes: number,
  ): Promise<void> {
    const { maxSizeBytes = Number.POSITIVE_INFINITY, patienceMs } = this.options;
    if (wholeBytes > maxSizeBytes) {
      throw new Refusal("no_space", `${wholeBytes} bytes are more than this server may store (maxSize).`);
    }
    const mostBytes = taken === this.trusted ? maxSizeBytes : Math.floor(maxSizeBytes * untrustedShare);
    if (wholeBytes > mostBytes) {
      throw new Refusal(
        "too_large",
        `${wholeBytes} bytes are more than untrusted uploads may take on this server at a time, ${mostBytes}.`,
      );
    }
    for (const deadline = performance.now() + patienceMs; ; ) {
      if (promisedBytes > 0) {
        let free = await this.readFreeBytes();
        // Nobody is refused for how the disk was before.
        if (this.lackOf(taken, promisedBytes, free)) free = await this.readFreeBytes(0);
        // Nothing is awaited between looking and taking, or two would take the same room.
        const lack = this.lackOf(taken, promisedBytes, free);
        if (lack) throw lack;
      }
      const isPromisable = taken.promised + promisedBytes <= mostBytes;
      if (isPromisable && this.stored + this.reservedBytes + sizeBytes <= maxSizeBytes) {
        taken.promised += promisedBytes;
        taken.reserved += sizeBytes;
        return;
      }
      if (performance.now() > deadline) {
        throw new Refusal(
          "no_space",
          "The server is full, and room could not be made in time. Try again later.",
          5,
        );
      }
      // Where only the end of another upload helps, nothing shall go in vain.
      const wanted = isPromisable ? sizeBytes : 0;
      taken.waiting += wanted;
      this.waiters++;
      try {
        if (isPromisable) await this.makeRoom();
        // Where nothing could go, the end of another upload may help.
        await Bun.sleep(roomPollMs);
      } finally {
        taken.waiting -= wanted;
        this.waiters--;
      }
    }
  }

  /** @returns what to say when the disk could not hold so much more than it has promised. */
  private lackOf(
    taken: Taken,
    sizeBytes: number,
    readAt: { bytes: number; writtenEver: number },
  ): Refusal | undefined {
    const { minFreeBytes } = this.options;
    const free = readAt.bytes - (this.writtenEver - readAt.writtenEver);
    const promised = this.trusted.promised + this.untrusted.promised;
    const isTooMuch =
      taken === this.untrusted && taken.promised + sizeBytes > (free - minFreeBytes) * untrustedShare;
    const isLacking = free - (promised - this.written) - sizeBytes < minFreeBytes;
    return isLacking || isTooMuch ? this.diskFull(free) : undefined;
  }

  private diskFull(free: number): Refusal {
    return new Refusal(
      "no_space",
      `The server's disk has ${free} bytes free, and ${this.options.minFreeBytes} are to stay so (minFree).`,
    );
  }

  /** @param maxAgeMs how long ago the disk may have been asked. */
  private async readFreeBytes(maxAgeMs = freeBytesAgeMs): Promise<{ bytes: number; writtenEver: number }> {
    const now = performance.now();
    if (!this.free || now - this.free.at > maxAgeMs) {
      this.free = { bytes: this.options.freeBytes(), at: now, writtenEver: this.writtenEver };
    }
    const { bytes, writtenEver } = this.free;
    try {
      return { bytes: await bytes, writtenEver };
    } catch (error) {
      // Whoever asks next shall learn at once that the disk is back.
      this.free = undefined;
      throw error;
    }
  }
}
