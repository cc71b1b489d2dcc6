import { closeSync, constants, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { access, link, readdir, rename, rm, stat, statfs, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobStorage, BlobTotals, ReceivedBlob, ReceiveLimits, StoredBlob } from "../blob-storage.ts";
import { createFolder, createFolderDurably, syncFolder } from "./folders.ts";
import { type ReceivedFile, Receiver, refusalOf, removeFile } from "./receive.ts";

/** Whether what was published survives a loss of power, or only the end of the process. */
export type Durability = "full" | "fast";

/** What `link` answers where a file system has no hard links, such as exFAT or some network shares. */
const noHardLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

const blobName = /^[0-9a-f]{64}$/;
const namesPerStep = 500;

/**
 * Blobs as files: `blobs/ab/<sha256>`. A body is received in `tmp/` and then linked to its name; its temporary name goes
 * last, after the books were written, so that after a crash `tmp/` lists all that was under way.
 */
export class DiskStorage implements BlobStorage {
  private readonly temporary: string;
  private readonly blobs: string;
  private readonly quarantineFolder: string;
  private readonly receiver: Receiver;
  private received = 0;
  private readBuffer = new Uint8Array(0);

  private constructor(
    root: string,
    private readonly durability: Durability,
  ) {
    this.receiver = new Receiver(durability === "full");
    this.temporary = join(root, "tmp");
    this.blobs = join(root, "blobs");
    this.quarantineFolder = join(root, "quarantine");
  }

  /** @param root an existing folder that no other process writes to. */
  static async open(root: string, durability: Durability = "full"): Promise<DiskStorage> {
    const storage = new DiskStorage(root, durability);
    for (const folder of [storage.temporary, storage.blobs, storage.quarantineFolder]) {
      await createFolder(folder);
    }
    await syncFolder(root);
    // All of them now, so that no upload has to wait for the sync of a new folder's own name.
    for (let first = 0; first < 256; first++) {
      mkdirSync(join(storage.blobs, pairOf(first)), { recursive: true, mode: 0o700 });
    }
    await syncFolder(storage.blobs);
    return storage;
  }

  /** For a command beside the server that has opened it, or one that only shows: creates nothing. */
  static beside(root: string): DiskStorage {
    return new DiskStorage(root, "full");
  }

  async receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<ReceivedBlob> {
    const path = join(this.temporary, `${process.pid}-${++this.received}`);
    const received = await this.receiver.receive(body, path, limits);
    let isNamed = false;
    return {
      sha256: received.sha256,
      sizeBytes: received.sizeBytes,
      get isNamed() {
        return isNamed;
      },
      publish: () =>
        this.publish(received, () => {
          isNamed = true;
        }),
      discard: () => received.remove(),
    };
  }

  async find(sha256: string): Promise<StoredBlob | undefined> {
    const path = this.pathOf(sha256);
    // Synchronous on purpose: 1.5 µs, where a trip to the thread pool costs 30.
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? { sizeBytes: found.size, body: Bun.file(path) } : undefined;
  }

  async read<Used>(
    sha256: string,
    sizeBytes: number,
    use: (bytes: Uint8Array<ArrayBuffer>) => Used,
  ): Promise<Used | undefined> {
    // Synchronous as in `find`, and so all can share one buffer.
    let file: number | undefined;
    try {
      file = openSync(this.pathOf(sha256), "r");
      // One byte more than there should be, so that a longer file is told from the right one.
      if (this.readBuffer.byteLength <= sizeBytes) this.readBuffer = new Uint8Array(sizeBytes + 1);
      if (readSync(file, this.readBuffer, 0, sizeBytes + 1, null) !== sizeBytes) return undefined;
    } catch (error) {
      if (noBlob.has((error as { code?: string }).code ?? "")) return undefined;
      throw refusalOf(error);
    } finally {
      if (file !== undefined) closeSync(file);
    }
    return use(this.readBuffer.subarray(0, sizeBytes));
  }

  async digest(sha256: string, pace?: (sizeBytes: number) => Promise<void>): Promise<string | undefined> {
    try {
      return await sha256Of(this.pathOf(sha256), pace);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async *list(): AsyncIterable<string[]> {
    for (let first = 0; first < 256; first++) {
      const names = await readdir(join(this.blobs, pairOf(first))).catch(() => []);
      const blobs = names.filter((name) => blobName.test(name));
      for (let start = 0; start < blobs.length; start += namesPerStep)
        yield blobs.slice(start, start + namesPerStep);
    }
  }

  async check(): Promise<void> {
    for (const folder of [this.temporary, this.blobs]) await access(folder, constants.W_OK | constants.X_OK);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.blobs);
    return bavail * bsize;
  }

  async remove(sha256: string): Promise<void> {
    await removeFile(this.pathOf(sha256));
  }

  async quarantine(sha256: string): Promise<void> {
    const path = this.pathOf(sha256);
    try {
      const now = new Date();
      // A quarantined file's time of change says since when it has been there.
      await utimes(path, now, now);
      await rename(path, join(this.quarantineFolder, sha256));
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }

  async inQuarantine(before = Number.POSITIVE_INFINITY): Promise<BlobTotals> {
    return await this.eachInQuarantine(before, async () => {});
  }

  async emptyQuarantine(before: number): Promise<BlobTotals> {
    return await this.eachInQuarantine(before, removeFile);
  }

  private async eachInQuarantine(before: number, act: (path: string) => Promise<void>): Promise<BlobTotals> {
    const totals = { blobs: 0, sizeBytes: 0 };
    for (const name of await readdir(this.quarantineFolder).catch(noNames)) {
      if (!blobName.test(name)) continue;
      const path = join(this.quarantineFolder, name);
      const file = statSync(path, { throwIfNoEntry: false });
      if (!file || file.mtimeMs >= before) continue;
      await act(path);
      totals.blobs++;
      totals.sizeBytes += file.size;
    }
    return totals;
  }

  async *recover(): AsyncIterable<string> {
    for (const name of await readdir(this.temporary)) {
      const path = join(this.temporary, name);
      if ((await stat(path)).nlink > 1) yield await sha256Of(path);
      await rm(path, { force: true });
    }
  }

  /** @param named called when the blob has got its name, which may not yet be durable. */
  private async publish(received: ReceivedFile, named: () => void): Promise<void> {
    const path = this.pathOf(received.sha256);
    try {
      const isSynced = this.durability === "full";
      // What is sound under the name had its bytes synced before; only the name itself may be too new to have been.
      if (!(await isSound(path, received))) {
        await received.save();
        await linkOnce(received, path);
        named();
      }
      if (isSynced) await syncFolder(dirname(path));
    } catch (error) {
      throw refusalOf(error);
    }
  }

  private pathOf(sha256: string): string {
    return join(this.blobs, sha256.slice(0, 2), sha256);
  }
}

function pairOf(first: number): string {
  return first.toString(16).padStart(2, "0");
}

/** A folder in the place of a blob is as little a blob as nothing. */
const noBlob = new Set(["ENOENT", "EISDIR"]);

function noNames(error: { code?: string }): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

async function linkOnce(received: ReceivedFile, path: string): Promise<void> {
  try {
    await link(received.path, path);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (code === "EEXIST") {
      if (!(await isSound(path, received))) await rename(received.path, path);
    } else if (code === "ENOENT") {
      // Somebody has deleted the folder under us.
      await createFolderDurably(dirname(path));
      await link(received.path, path);
    } else if (noHardLinks.has(code)) {
      // Under this name there can only be the same bytes, so replacing them changes nothing.
      await rename(received.path, path);
    } else {
      throw error;
    }
  }
}

/** Whether the file has the very bytes that were received; one that rotted must not pass for them. */
async function isSound(path: string, { sha256, sizeBytes }: ReceivedFile): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes) return false;
  return (await sha256Of(path)) === sha256;
}

async function sha256Of(path: string, pace?: (sizeBytes: number) => Promise<void>): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) {
    hasher.update(chunk);
    await pace?.(chunk.byteLength);
  }
  return hasher.digest("hex");
}
