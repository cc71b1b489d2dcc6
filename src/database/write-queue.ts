import type { Database as Sqlite } from "bun:sqlite";
import { Refusal } from "../refusal.ts";
import type { Queries } from "./database.ts";

interface Entry {
  work: (tx: Queries) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

/** How long another process may hold the database before writes are refused, and how often we ask. */
const maxBusyMs = 5_000;
const busyPollMs = 20;

/**
 * Group commit: works that wait at the same time run one after the other in one transaction, each in a savepoint of
 * its own, and are answered together after the one commit.
 */
export class WriteQueue {
  private waiting: Entry[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly sqlite: Sqlite,
    private readonly queries: Queries,
    /** Called after each commit, which is answered when it resolves. */
    private readonly afterCommit: () => Promise<void>,
  ) {}

  add<T>(work: (tx: Queries) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.waiting.push({ work, resolve: resolve as Entry["resolve"], reject });
    this.running ??= this.run();
    return promise;
  }

  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        // Lets requests that are ready in the same turn of the event loop join the batch.
        await new Promise<void>((joined) => setImmediate(joined));
        await this.commit(this.waiting.splice(0));
      }
    } finally {
      this.running = undefined;
    }
  }

  private async commit(batch: Entry[]): Promise<void> {
    const answers: (() => void)[] = [];
    try {
      await this.begin();
      for (const entry of batch) answers.push(await this.runEntry(entry));
      this.sqlite.run("COMMIT");
      await this.afterCommit();
    } catch (error) {
      for (const entry of batch) entry.reject(refusalOf(error));
      if (this.sqlite.inTransaction) this.sqlite.run("ROLLBACK");
      return;
    }
    for (const answer of answers) answer();
  }

  /** Waits without holding up the event loop, which SQLite's own waiting would do. */
  private async begin(): Promise<void> {
    for (const deadline = performance.now() + maxBusyMs; ; await Bun.sleep(busyPollMs)) {
      try {
        this.sqlite.run("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
    }
  }

  /** @returns what answers the entry, once all is committed. */
  private async runEntry(entry: Entry): Promise<() => void> {
    this.sqlite.run("SAVEPOINT entry");
    try {
      const value = await entry.work(this.queries);
      this.sqlite.run("RELEASE entry");
      return () => entry.resolve(value);
    } catch (error) {
      // After some faults, such as a full disk, SQLite has rolled everything back already.
      if (!this.sqlite.inTransaction) throw error;
      this.sqlite.run("ROLLBACK TO entry");
      this.sqlite.run("RELEASE entry");
      return () => entry.reject(refusalOf(error));
    }
  }
}

function isBusy(error: unknown): boolean {
  return (error as { code?: string }).code === "SQLITE_BUSY";
}

/** What an operator can mend, in words that say how; everything else is a fault of ours and stays as it is. */
function refusalOf(error: unknown): unknown {
  if ((error as { code?: string }).code === "SQLITE_FULL") {
    return new Refusal("no_space", "The server's disk is full. Nothing was stored; free some space there.");
  }
  if (isBusy(error)) {
    return new Refusal(
      "unavailable",
      "Another process holds the database. Nothing was stored; try again.",
      1,
    );
  }
  return error;
}
