import { eventKinds } from "../database/schema.ts";
import type { Counters } from "./counters.ts";

/** Places in `eventKinds`, and one more, of which no row is kept. */
export const localHit = 0;
export const localMiss = 1;
export const remoteHit = 2;
export const remoteMiss = 3;
export const upload = 4;
export const refusedUpload = eventKinds.length;

/** One thing that is counted. */
export interface Happening {
  kind: number;
  hash: string;
  /** What the task took, when it ran; 0 for a miss. */
  durationMs: number;
  /** Of the artifact; null where none was transferred. */
  sizeBytes: number | null;
  at: number;
}

/** More than a task takes; what a client says may be anything. */
const maxDurationMs = 86_400_000;

export function boundedDuration(durationMs: number): number {
  return Math.min(durationMs, maxDurationMs);
}

export function count(counters: Counters, { kind, durationMs, sizeBytes }: Happening): void {
  switch (kind) {
    case localHit:
      counters.localHits++;
      counters.localSavedMs += durationMs;
      break;
    case localMiss:
      counters.localMisses++;
      break;
    case remoteHit:
      counters.remoteHits++;
      counters.remoteSavedMs += durationMs;
      counters.downloadedBytes += sizeBytes ?? 0;
      break;
    case remoteMiss:
      counters.remoteMisses++;
      break;
    case upload:
      counters.uploads++;
      counters.uploadedBytes += sizeBytes ?? 0;
      counters.missedMs += durationMs;
      break;
    case refusedUpload:
      counters.refusedUploads++;
      counters.missedMs += durationMs;
      break;
  }
}
