import { type FileHandle, open, rm } from "node:fs/promises";
import { Refusal } from "../../refusal.ts";
import type { ReceiveLimits } from "../blob-storage.ts";

/** A body that lies on the disk, whole and hashed, and is not yet synced or published. */
export interface ReceivedFile {
  path: string;
  file: FileHandle;
  sha256: string;
  sizeBytes: number;
}

/**
 * Writes a body to a new file, one chunk behind the socket: while a chunk is being written, it is hashed and the next
 * one arrives. Removes the file if anything goes wrong.
 */
export async function receiveFile(
  body: AsyncIterable<Uint8Array>,
  path: string,
  limits: ReceiveLimits,
): Promise<ReceivedFile> {
  if (limits.expectedSizeBytes !== undefined && limits.expectedSizeBytes > limits.maxSizeBytes) {
    throw tooLarge(limits, `${limits.expectedSizeBytes} bytes`);
  }
  const file = await openNew(path);
  try {
    const { sha256, sizeBytes } = await writeBody(body, file, limits);
    if (limits.expectedSizeBytes !== undefined && sizeBytes !== limits.expectedSizeBytes) {
      throw new Refusal(
        "bad_request",
        `Content-Length announced ${limits.expectedSizeBytes} bytes and ${sizeBytes} arrived. Upload it again.`,
      );
    }
    return { path, file, sha256, sizeBytes };
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw refusalOf(error);
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw refusalOf(error);
  }
}

async function writeBody(body: AsyncIterable<Uint8Array>, file: FileHandle, limits: ReceiveLimits) {
  const hasher = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  let writing: Promise<void> = Promise.resolve();
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limits.maxSizeBytes) throw tooLarge(limits, `more than ${limits.maxSizeBytes} bytes`);
    await writing;
    writing = writeChunk(file, chunk);
    // A failure is met at the next chunk or at the end; until then it is not an unhandled one.
    writing.catch(() => {});
    hasher.update(chunk);
  }
  await writing;
  return { sha256: hasher.digest("hex"), sizeBytes };
}

/** A write may be cut short, by a disk that is nearly full for one. */
async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await file.write(chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}

function tooLarge(limits: ReceiveLimits, size: string): Refusal {
  return new Refusal(
    "too_large",
    `The artifact has ${size}, and this server takes at most ${limits.maxSizeBytes} (maxArtifactSize).`,
  );
}

/** What a failing body or disk means to the sender. Everything else is a fault of ours and stays as it is. */
export function refusalOf(error: unknown): unknown {
  const { name, code } = error as { name?: string; code?: string };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Refusal("no_space", "The server's disk is full. Nothing was stored; free some space there.");
  }
  if (name === "AbortError") {
    return new Refusal("aborted", "The connection was closed before the whole body had arrived.");
  }
  return error;
}
