import { existsSync } from "node:fs";
import { type FileHandle, open, unlink, writeFile } from "node:fs/promises";
import { diskFull, noFileToOpen, Refusal } from "../../refusal.ts";
import type { ReceiveLimits } from "../blob-storage.ts";

/** A body that is whole and hashed, and not yet synced or published. To be settled by `remove`. */
export interface ReceivedFile {
  path: string;
  sha256: string;
  sizeBytes: number;
  /** Makes the bytes lie at `path`, synced if the receiver syncs, and closes the file. */
  save(): Promise<void>;
  /** Lets go of it, and removes what lies at `path`. Idempotent. */
  remove(): Promise<void>;
}

const newFile = { flag: "wx", mode: 0o600 } as const;

/**
 * A small body is held back and then written, synced and closed on one trip to another thread, where a file that is
 * written bit by bit takes one for each step.
 */
const maxHeldBytes = 256 * 1024;
/** Of all small bodies together; beyond it they are written as they arrive, like large ones. */
const maxHeldTogetherBytes = 16 * 1024 * 1024;
/** Of a held body that comes in several chunks. Less than this is not worth giving back by hand either. */
const minBufferBytes = 16 * 1024;
/** So much may be written and not synced before the disk is told to go on with it. */
const maxUnsyncedBytes = 64 * 1024 * 1024;

/** Receives bodies into files. */
export class Receiver {
  private heldTogetherBytes = 0;

  /** @param isSynced whether what is saved is to survive a loss of power. */
  constructor(private readonly isSynced: boolean) {}

  /** Nothing is left behind if anything goes wrong. */
  async receive(body: AsyncIterable<Uint8Array>, path: string, limits: ReceiveLimits): Promise<ReceivedFile> {
    if (limits.expectedSizeBytes !== undefined && limits.expectedSizeBytes > limits.maxSizeBytes) {
      throw tooLarge(limits, `${limits.expectedSizeBytes} bytes`);
    }
    const hasher = new Bun.CryptoHasher("sha256");
    const held = new HeldBody((sizeBytes) => {
      this.heldTogetherBytes += sizeBytes;
    });
    let file: StreamedFile | undefined;
    let sizeBytes = 0;
    try {
      for await (const chunk of body) {
        sizeBytes += chunk.byteLength;
        if (sizeBytes > limits.maxSizeBytes) throw tooLarge(limits, `more than ${limits.maxSizeBytes} bytes`);
        // First, since the chunk is given away below; the one before is being written meanwhile.
        hasher.update(chunk);
        if (!file && sizeBytes <= maxHeldBytes && this.heldTogetherBytes < maxHeldTogetherBytes) {
          held.add(chunk);
        } else {
          file ??= await StreamedFile.open(path, held.take(), this.isSynced);
          await file.write(chunk);
        }
      }
      await file?.written();
      if (limits.expectedSizeBytes !== undefined && sizeBytes !== limits.expectedSizeBytes) {
        throw new Refusal(
          "bad_request",
          `Content-Length announced ${limits.expectedSizeBytes} bytes and ${sizeBytes} arrived. Upload it again.`,
        );
      }
      const sha256 = hasher.digest("hex");
      return file
        ? savedFrom(file, path, sha256, sizeBytes)
        : savedAtOnce(held, path, sha256, sizeBytes, this.isSynced);
    } catch (error) {
      held.drop();
      await file?.close();
      // Where nothing can be removed any more, the next start does it; what the sender has to hear is the first failure.
      if (file) await removeFile(path).catch(() => {});
      throw refusalOf(error);
    }
  }
}

function savedAtOnce(
  held: HeldBody,
  path: string,
  sha256: string,
  sizeBytes: number,
  isSynced: boolean,
): ReceivedFile {
  let isBegun = false;
  return {
    path,
    sha256,
    sizeBytes,
    async save() {
      isBegun = true;
      await writeFile(path, held.whole(), { ...newFile, flush: isSynced }).finally(() => held.drop());
    },
    async remove() {
      held.drop();
      if (isBegun) await removeFile(path);
    },
  };
}

function savedFrom(file: StreamedFile, path: string, sha256: string, sizeBytes: number): ReceivedFile {
  return {
    path,
    sha256,
    sizeBytes,
    async save() {
      await file.sync();
      // Windows neither links nor renames a file that is open.
      await file.close();
    },
    async remove() {
      await file.close();
      await removeFile(path);
    },
  };
}

/**
 * A small body, or the beginning of a large one, in memory: as it came if it came in one chunk, and else in one buffer that
 * grows. Kept apart, the chunks of a client that sends byte by byte would cost hundreds of times what they hold.
 */
class HeldBody {
  private buffer = new Uint8Array(0);
  private sizeBytes = 0;

  /** @param account told how much more, or less, is held. */
  constructor(private readonly account: (sizeBytes: number) => void) {}

  /** The chunk is not to be used afterwards. */
  add(chunk: Uint8Array): void {
    const sizeBytes = this.sizeBytes + chunk.byteLength;
    if (this.sizeBytes === 0) this.buffer = chunk as Uint8Array<ArrayBuffer>;
    else {
      if (sizeBytes > this.buffer.byteLength) this.grow(sizeBytes);
      this.buffer.set(chunk, this.sizeBytes);
      release(chunk);
    }
    // A chunk that was given back has no length any more.
    this.account(sizeBytes - this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  /** All that it holds, and goes on holding. */
  whole(): Uint8Array {
    return this.buffer.subarray(0, this.sizeBytes);
  }

  /** Gives away what it holds. */
  take(): Uint8Array {
    const whole = this.whole();
    this.forget();
    return whole;
  }

  drop(): void {
    release(this.buffer);
    this.forget();
  }

  private grow(sizeBytes: number): void {
    const larger = new Uint8Array(Math.max(sizeBytes, 2 * this.buffer.byteLength, minBufferBytes));
    larger.set(this.whole());
    release(this.buffer);
    this.buffer = larger;
  }

  private forget(): void {
    this.account(-this.sizeBytes);
    this.buffer = new Uint8Array(0);
    this.sizeBytes = 0;
  }
}

/** A file that is written one chunk behind the socket: while a chunk is being written, the next one arrives. */
class StreamedFile {
  private writing: Promise<void> = Promise.resolve();
  private syncing: Promise<void> | undefined;
  private unsyncedBytes = 0;
  private syncFailure: unknown;

  private constructor(
    private readonly file: FileHandle,
    private readonly isSynced: boolean,
  ) {}

  static async open(path: string, beginning: Uint8Array, isSynced: boolean): Promise<StreamedFile> {
    const file = new StreamedFile(await open(path, newFile.flag, newFile.mode), isSynced);
    await file.write(beginning);
    return file;
  }

  /** Begins to write a chunk when the one before is written. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.writing;
    this.unsyncedBytes += chunk.byteLength;
    if (this.isSynced && this.unsyncedBytes > maxUnsyncedBytes) this.syncMeanwhile();
    this.writing = writeWhole(this.file, chunk);
    // A failure is met at the next chunk or at the end; until then it is not an unhandled one.
    this.writing.catch(() => {});
  }

  written(): Promise<void> {
    return this.writing;
  }

  async sync(): Promise<void> {
    if (!this.isSynced) return;
    await this.syncing;
    if (this.syncFailure) throw this.syncFailure;
    await this.file.sync();
  }

  /** Closing twice is fine. */
  async close(): Promise<void> {
    await this.writing.catch(() => {});
    await this.syncing;
    await this.file.close();
  }

  /** The disk works while the body arrives, so that little is left to sync at its end. */
  private syncMeanwhile(): void {
    if (this.syncing) return;
    this.unsyncedBytes = 0;
    this.syncing = this.file
      .datasync()
      // Linux tells of what it could not write only once, so a later sync would succeed.
      .catch((error) => {
        this.syncFailure = error;
      })
      .finally(() => {
        this.syncing = undefined;
      });
  }
}

/**
 * Gives a chunk's memory back at once: on a fast line the garbage collector comes by too late. A chunk that shares its
 * memory with others keeps it.
 */
function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (chunk.byteLength < minBufferBytes) return;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength && !buffer.detached)
    buffer.transfer(0);
}

/** Idempotent. On a disk that cannot be written, what is not there is no failure. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (existsSync(path)) throw error;
  }
}

/** Writes and releases a chunk. A write may be cut short, by a disk that is nearly full for one. */
async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < chunk.byteLength; ) {
      done += (await file.write(chunk, done, chunk.byteLength - done)).bytesWritten;
    }
  } finally {
    release(chunk);
  }
}

function tooLarge(limits: ReceiveLimits, size: string): Refusal {
  return new Refusal(
    "too_large",
    `The artifact has ${size}, and this server takes at most ${limits.maxSizeBytes} (maxArtifactSize).`,
  );
}

/** What the system answers where nothing may be written: a read-only disk, a folder of another user, a frozen one. */
const notWritable = new Set(["EROFS", "EACCES", "EPERM"]);
const notWritableRetrySeconds = 30;

/** What a failing body or disk means to the sender. Everything else is a fault of ours and stays as it is. */
export function refusalOf(error: unknown): unknown {
  const { name, code } = error as { name?: string; code?: string };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return diskFull();
  }
  if (notWritable.has(code ?? "")) {
    return new Refusal(
      "unavailable",
      `The server cannot write to its data folder (${code}). Nothing was stored. Give larder's user the right to write ` +
        "there, or mount the disk for writing.",
      notWritableRetrySeconds,
    );
  }
  if (code === "EMFILE" || code === "ENFILE") return noFileToOpen(code);
  if (name === "AbortError") {
    return new Refusal("aborted", "The connection was closed before the whole body had arrived.");
  }
  return error;
}
