import type { CacheFigures } from "../../src/cache/figures.ts";

/** Of a cache that has nothing, and in which nothing ever happened. */
export const noFigures: CacheFigures = {
  storedBytes: 0,
  reservedBytes: 0,
  maxSizeBytes: undefined,
  minFreeBytes: 0,
  freeBytes: undefined,
  uploadsUnderWay: 0,
  uploadsWaiting: 0,
  kept: new Map(),
  sent: new Map(),
  evicted: {
    room: { artifacts: 0, sizeBytes: 0 },
    quota: { artifacts: 0, sizeBytes: 0 },
    age: { artifacts: 0, sizeBytes: 0 },
  },
  youngestEvicted: {
    trusted: { lastRoundMs: undefined, dayMs: undefined },
    untrusted: { lastRoundMs: undefined, dayMs: undefined },
  },
  quarantinedBlobs: 0,
  quarantinedEver: 0,
  releasedBlobs: 0,
  verify: { blobs: 0, sizeBytes: 0, startedAt: undefined, completedAt: undefined },
};
