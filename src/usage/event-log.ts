import { count, lt } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
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

/** Some 200 MB, and weeks of a busy team; what reading tokens may report must not fill the disk. */
const maxKept = 1_000_000;

/** Keeps what clients report of their hits and misses. */
export class EventLog {
  private kept: number | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
    private readonly limit = maxKept,
  ) {}

  /** All of them or none: none, and a line in the log, when there are too many already. */
  async record(reporter: Reporter, reported: readonly ClientEvent[]): Promise<void> {
    if (reported.length === 0) return;
    this.kept ??= await this.count();
    if (this.kept + reported.length > this.limit) {
      this.log.warn({ kept: this.kept, dropped: reported.length, team: reporter.teamId }, "events dropped");
      return;
    }
    this.kept += reported.length;
    const createdAt = Date.now();
    try {
      await this.database.write(async (tx) => {
        await tx.insert(events).values(reported.map((event) => ({ ...reporter, ...event, createdAt })));
      });
    } catch (error) {
      this.kept -= reported.length;
      throw error;
    }
  }

  /** Forgets, a few at a time, what was reported before that time (milliseconds since 1970). */
  async expire(before: number, signal?: AbortSignal): Promise<void> {
    await deleteInSteps(this.database, events, lt(events.createdAt, before), {
      order: [events.createdAt],
      signal,
    });
    this.kept = await this.count();
  }

  private async count(): Promise<number> {
    const [row] = await this.database.read.select({ events: count() }).from(events);
    return row?.events ?? 0;
  }
}
