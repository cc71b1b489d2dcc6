/** What is counted of the use of the cache. */
export interface Counters {
  /** What the server has seen itself. */
  remoteHits: number;
  remoteMisses: number;
  /** What clients have reported. */
  localHits: number;
  localMisses: number;
  /** What the tasks of the hits once took. */
  remoteSavedMs: number;
  localSavedMs: number;
  /** What the tasks took whose results were uploaded, or were to be. */
  missedMs: number;
  uploads: number;
  uploadedBytes: number;
  downloadedBytes: number;
  /** For their size, a quota, or want of room. */
  refusedUploads: number;
}

/** The same, and what follows from it. */
export interface Totals extends Counters {
  savedMs: number;
  /** Of the tasks that clients asked for, the share that did not have to run; null where none was. */
  hitRate: number | null;
  /** Of the time that all tasks would have taken, the share that was saved; null where that is nothing. */
  hitRateByTime: number | null;
}

export const counterNames = [
  "remoteHits",
  "remoteMisses",
  "localHits",
  "localMisses",
  "remoteSavedMs",
  "localSavedMs",
  "missedMs",
  "uploads",
  "uploadedBytes",
  "downloadedBytes",
  "refusedUploads",
] as const satisfies readonly (keyof Counters)[];

export function noCounters(): Counters {
  return {
    remoteHits: 0,
    remoteMisses: 0,
    localHits: 0,
    localMisses: 0,
    remoteSavedMs: 0,
    localSavedMs: 0,
    missedMs: 0,
    uploads: 0,
    uploadedBytes: 0,
    downloadedBytes: 0,
    refusedUploads: 0,
  };
}

export function addCounters(to: Counters, more: Counters): void {
  for (const name of counterNames) to[name] += more[name];
}

/**
 * What follows from the counters. A local miss asks the server next, so it is the remote misses that count the tasks that ran.
 */
export function totalsOf(counters: Counters): Totals {
  const { remoteHits, localHits, remoteMisses, missedMs } = counters;
  const hits = remoteHits + localHits;
  const savedMs = counters.remoteSavedMs + counters.localSavedMs;
  return {
    ...counters,
    savedMs,
    hitRate: shareOf(hits, hits + remoteMisses),
    hitRateByTime: shareOf(savedMs, savedMs + missedMs),
  };
}

function shareOf(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
