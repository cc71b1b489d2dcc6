import { and, eq, gt, lte } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import type { KeyedLock } from "./keyed-lock.ts";

/** How many candidates one round looks at before it asks for the next. */
const batchSize = 100;

/** Removes the blobs that no artifact points at any more. */
export class Collector {
  constructor(
    private readonly database: Database,
    private readonly storage: BlobStorage,
    /** Shared by those who publish a blob and point at it, excluded by those who remove or quarantine it. */
    private readonly blobLock: KeyedLock,
    private readonly log: Logger,
  ) {}

  /** Undoes what a crash left half done. To be run before the first upload. */
  async recover(): Promise<void> {
    for await (const sha256 of this.storage.recover()) await this.discard(sha256);
  }

  /**
   * Removes what was let go of before `releasedBefore` (milliseconds since 1970). The time between is for readers that
   * have looked up the blob and not yet opened it. A blob that cannot be removed is logged and left for the next time.
   * @returns how many blobs went, and their size.
   */
  async collect(releasedBefore: number, signal?: AbortSignal): Promise<{ blobs: number; sizeBytes: number }> {
    const freed = { blobs: 0, sizeBytes: 0 };
    for (let lastId = 0; ; ) {
      const candidates = await this.database.read
        .select({ id: blobs.id, sha256: blobs.sha256, sizeBytes: blobs.sizeBytes })
        .from(blobs)
        .where(and(lte(blobs.releasedAt, releasedBefore), gt(blobs.id, lastId)))
        .orderBy(blobs.id)
        .limit(batchSize);
      for (const { id, sha256, sizeBytes } of candidates) {
        if (signal?.aborted) return freed;
        lastId = id;
        if (!(await this.tryDiscard(sha256))) continue;
        freed.blobs++;
        freed.sizeBytes += sizeBytes;
      }
      if (candidates.length < batchSize) return freed;
    }
  }

  private async tryDiscard(sha256: string): Promise<boolean> {
    try {
      return await this.discard(sha256);
    } catch (error) {
      this.log.error({ err: error, sha256 }, "blob not collected");
      return false;
    }
  }

  /** Removes a blob unless an artifact points at it. @returns whether it went. */
  discard(sha256: string): Promise<boolean> {
    return this.blobLock.exclude(sha256, async () => {
      if (await this.isInUse(sha256)) return false;
      // The file goes first: a crash in between leaves a row, which the next round finds.
      await this.storage.remove(sha256);
      await this.database.write(async (tx) => {
        await tx.delete(blobs).where(eq(blobs.sha256, sha256));
      });
      return true;
    });
  }

  /** Takes a blob that is in use off the list of candidates. */
  private isInUse(sha256: string): Promise<boolean> {
    return this.database.write(async (tx) => {
      const [used] = await tx
        .select({ blobId: artifacts.blobId })
        .from(blobs)
        .innerJoin(artifacts, eq(artifacts.blobId, blobs.id))
        .where(eq(blobs.sha256, sha256))
        .limit(1);
      if (!used) return false;
      await tx.update(blobs).set({ releasedAt: null }).where(eq(blobs.id, used.blobId));
      return true;
    });
  }
}
