import { inArray } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { artifacts } from "../database/schema.ts";

/** Uses that lie closer together than this count as one, which spares the database most of them. */
const precisionMs = 60_000;
/** So many wait in memory at most: 16 bytes each, and written as soon as can be when they are reached. */
const maxWaiting = 20_000;
const idsPerStatement = 500;
/** How long a failed write, and one under way elsewhere, may keep a use from the books. */
const writtenWithinMs = 30_000;

/** An artifact may have been used so much later than the books say. Nothing goes for its age before that is over, too. */
export const recencyLagMs = precisionMs + writtenWithinMs;

/** Remembers which artifacts were used, and writes it down now and then. A crash loses what was not yet written. */
export class Recency {
  private waiting = new Set<number>();
  /** Ends with the last flush that was asked for, and never rejects. */
  private flushed: Promise<void> = Promise.resolve();
  /** The flush that was asked for and has yet to begin: whatever is touched until then goes with it. */
  private next: Promise<void> | undefined;

  constructor(private readonly database: Database) {}

  touch(artifact: { id: number; lastUsedAt: number }): void {
    if (Date.now() - artifact.lastUsedAt < precisionMs) return;
    // The flush that takes these has yet to begin. What comes before it does is forgotten, as in a crash.
    if (this.waiting.size >= maxWaiting) return;
    this.waiting.add(artifact.id);
    if (this.waiting.size >= maxWaiting) this.flush().catch(() => {});
  }

  /**
   * Resolves when all that was touched before is written. What could not be written waits for the next time; rejects with
   * the reason.
   */
  flush(): Promise<void> {
    if (!this.next) {
      const next = this.flushed.then(() => {
        this.next = undefined;
        return this.write();
      });
      this.next = next;
      this.flushed = next.catch(() => {});
    }
    return this.next;
  }

  private async write(): Promise<void> {
    const ids = [...this.waiting];
    this.waiting = new Set();
    const lastUsedAt = Date.now();
    for (let start = 0; start < ids.length; start += idsPerStatement) {
      const some = ids.slice(start, start + idsPerStatement);
      try {
        await this.database.write(async (tx) => {
          await tx.update(artifacts).set({ lastUsedAt }).where(inArray(artifacts.id, some));
        });
      } catch (error) {
        this.putBack(ids.slice(start));
        throw error;
      }
    }
  }

  /** As many as fit: a database that takes nothing for long must not fill the memory. */
  private putBack(ids: readonly number[]): void {
    for (const id of ids) {
      // Room for one more, or the next use would not be waited with.
      if (this.waiting.size >= maxWaiting - 1) return;
      this.waiting.add(id);
    }
  }
}
