import type { Cache } from "./cache.ts";
import type { EvictionReason, Trust, YoungestEvicted } from "./evictions.ts";
import type { TeamRoom } from "./team-room.ts";
import type { VerifyProgress } from "./verifier.ts";

/** How a cache does, in plain numbers. Those that count begin at 0 with the process. */
export interface CacheFigures {
  storedBytes: number;
  /** For uploads under way. */
  reservedBytes: number;
  maxSizeBytes: number | undefined;
  minFreeBytes: number;
  /** On the disk; undefined if it does not say. */
  freeBytes: number | undefined;
  uploadsUnderWay: number;
  /** Of those under way, for room in the server or in their team. */
  uploadsWaiting: number;
  /** What was kept, by tool. */
  kept: ReadonlyMap<string, { artifacts: number; sizeBytes: number }>;
  evicted: Readonly<Record<EvictionReason, { artifacts: number; sizeBytes: number }>>;
  youngestEvicted: Readonly<Record<Trust, YoungestEvicted>>;
  /** Whose bytes are missing or wrong now: all artifacts on them are misses. */
  quarantinedBlobs: number;
  quarantinedEver: number;
  /** Blobs that an artifact let go of, and the collector has yet to look at: 100,000 at most, where there are more. */
  releasedBlobs: number;
  verify: VerifyProgress;
}

/** Beyond this, how many blobs were let go of is nothing that anybody waits for. */
const maxCounted = 100_000;

export async function readFigures(
  { capacity, collector, evictor: { evictions }, verifier }: Cache,
  teamRoom: TeamRoom,
  uploads: UploadCounter,
): Promise<CacheFigures> {
  return {
    storedBytes: capacity.storedBytes,
    reservedBytes: capacity.reservedBytes,
    maxSizeBytes: capacity.maxSizeBytes,
    minFreeBytes: capacity.minFreeBytes,
    freeBytes: await capacity.freeBytes().catch(() => undefined),
    uploadsUnderWay: uploads.underWay,
    uploadsWaiting: capacity.waitingUploads + teamRoom.waitingUploads,
    kept: uploads.kept,
    evicted: {
      room: evictions.total("room"),
      quota: evictions.total("quota"),
      age: evictions.total("age"),
    },
    youngestEvicted: {
      trusted: evictions.youngest("trusted"),
      untrusted: evictions.youngest("untrusted"),
    },
    quarantinedBlobs: verifier.quarantined,
    quarantinedEver: verifier.quarantinedEver,
    releasedBlobs: await collector.released(maxCounted),
    verify: verifier.progress,
  };
}

/** Uploads since the process began. */
export class UploadCounter {
  underWay = 0;
  /** By tool, of which there are few. */
  readonly kept = new Map<string, { artifacts: number; sizeBytes: number }>();

  keep(tool: string, sizeBytes: number): void {
    const kept = this.kept.get(tool) ?? { artifacts: 0, sizeBytes: 0 };
    kept.artifacts++;
    kept.sizeBytes += sizeBytes;
    this.kept.set(tool, kept);
  }
}
