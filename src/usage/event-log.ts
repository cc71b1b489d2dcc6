import { lt } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { events } from "../database/schema.ts";

/** One hit or miss, as a client reports it. */
export interface ClientEvent {
  /** The client's own id of its run. */
  sessionId: string | null;
  source: "LOCAL" | "REMOTE";
  event: "HIT" | "MISS";
  hash: string;
  /** What the task once took; 0 for a miss. */
  durationMs: number;
}

/** Who reports, and from where. */
export interface Reporter {
  teamId: string;
  tool: string;
  /** Null for the environment's `TURBO_TOKEN`. */
  tokenId: string | null;
  clientCi: string | null;
  clientInteractive: boolean | null;
}

/** Columns times rows stay below SQLite's 32,766 parameters a statement. */
const rowsPerInsert = 1000;

/** Keeps what clients report of their hits and misses. */
export class EventLog {
  constructor(private readonly database: Database) {}

  /** All of them or none. */
  async record(reporter: Reporter, reported: readonly ClientEvent[]): Promise<void> {
    if (reported.length === 0) return;
    const createdAt = Date.now();
    await this.database.write(async (tx) => {
      for (let start = 0; start < reported.length; start += rowsPerInsert) {
        const rows = reported.slice(start, start + rowsPerInsert);
        await tx.insert(events).values(rows.map((event) => ({ ...reporter, ...event, createdAt })));
      }
    });
  }

  /** Forgets what was reported before that time (milliseconds since 1970). */
  async expire(before: number): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.delete(events).where(lt(events.createdAt, before));
    });
  }
}
