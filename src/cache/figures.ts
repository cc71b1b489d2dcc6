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
  /** Uploads that were kept, by tool. */
  kept: ReadonlyMap<string, { artifacts: number; sizeBytes: number }>;
  /** Artifacts that were handed out for a whole download, by tool: none of whom only looks, or wants a part. */
  sent: ReadonlyMap<string, { artifacts: number; sizeBytes: number }>;
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
  transfers: Transfers,
): Promise<CacheFigures> {
  return {
    storedBytes: capacity.storedBytes,
    reservedBytes: capacity.reservedBytes,
    maxSizeBytes: capacity.maxSizeBytes,
    minFreeBytes: capacity.minFreeBytes,
    freeBytes: await capacity.freeBytes().catch(() => undefined),
    uploadsUnderWay: transfers.uploadsUnderWay,
    uploadsWaiting: capacity.waitingUploads + teamRoom.waitingUploads,
    kept: transfers.kept,
    sent: transfers.sent,
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

type ByTool = Map<string, { artifacts: number; sizeBytes: number }>;

/** What came and went since the process began, by tool, of which there are few. */
export class Transfers {
  uploadsUnderWay = 0;
  readonly kept: ByTool = new Map();
  readonly sent: ByTool = new Map();

  countKept(tool: string, sizeBytes: number): void {
    count(this.kept, tool, sizeBytes);
  }

  countSent(tool: string, sizeBytes: number): void {
    count(this.sent, tool, sizeBytes);
  }
}

function count(byTool: ByTool, tool: string, sizeBytes: number): void {
  const counted = byTool.get(tool);
  if (!counted) {
    byTool.set(tool, { artifacts: 1, sizeBytes });
    return;
  }
  counted.artifacts++;
  counted.sizeBytes += sizeBytes;
}
