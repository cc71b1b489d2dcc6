import type { BlobTotals } from "../storage/blob-storage.ts";
import type { Collector } from "./collector.ts";

const pollMs = 200;

export interface CollectedOptions {
  /** Whether this process may remove blobs; else the one that serves the folder does so by itself. */
  isOurs: boolean;
  /** How long to wait at most; what has not gone by then goes later. */
  withinMs: number;
}

/** Waits until what was let go of has left the storage. @returns what has. */
export async function collected(
  collector: Collector,
  { isOurs, withinMs }: CollectedOptions,
): Promise<BlobTotals> {
  const before = await collector.waiting();
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (isOurs) await collector.collect();
    const left = await collector.waiting();
    if (left.blobs === 0 || Date.now() > deadline) {
      // Beside a busy server more may wait at the end than at the beginning.
      return {
        blobs: Math.max(0, before.blobs - left.blobs),
        sizeBytes: Math.max(0, before.sizeBytes - left.sizeBytes),
      };
    }
    await Bun.sleep(pollMs);
  }
}
