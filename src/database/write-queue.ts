import type { Database as Sqlite } from "bun:sqlite";
import { diskFull, Refusal } from "../refusal.ts";
import type { Queries } from "./database.ts";

interface Entry {
  /** How long it waits for the database, in the clock of `performance.now`. */
  deadline: number;
  work: (tx: Queries) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

/** How long a write waits for a database that another process holds, behind other writes or not, and how often we ask. */
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
    const deadline = performance.now() + maxBusyMs;
    this.waiting.push({ deadline, work, resolve: resolve as Entry["resolve"], reject });
    this.running ??= this.run();
    return promise;
  }

  /** How many wait for their commit to begin. */
  get length(): number {
    return this.waiting.length;
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

  private async commit(asked: Entry[]): Promise<void> {
    let batch = asked;
    const answers: (() => void)[] = [];
    try {
      while (!this.begin()) {
        batch = refuseLate(batch);
        if (batch.length === 0) return;
        // SQLite's own waiting would hold up the event loop.
        await Bun.sleep(busyPollMs);
      }
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

  /** @returns false when another process holds the database. */
  private begin(): boolean {
    try {
      this.sqlite.run("BEGIN IMMEDIATE");
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
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

/** @returns the entries that may wait on. */
function refuseLate(batch: Entry[]): Entry[] {
  const now = performance.now();
  for (const { deadline, reject } of batch) if (now > deadline) reject(held());
  return batch.filter(({ deadline }) => now <= deadline);
}

function isBusy(error: unknown): boolean {
  return codeOf(error) === "SQLITE_BUSY";
}

/** SQLite's own. The query layer wraps what SQLite has to say in an error of its own. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return code ?? (cause ? codeOf(cause) : "");
}

/** What an operator can mend, in words that say how; everything else is a fault of ours and stays as it is. */
function refusalOf(error: unknown): unknown {
  const code = codeOf(error);
  if (code === "SQLITE_FULL") {
    return diskFull();
  }
  if (/^SQLITE_(READONLY|CANTOPEN)/.test(code)) {
    return new Refusal(
      "unavailable",
      `The server cannot write to its database (${code}). Nothing was stored. Give larder's user the right to write ` +
        "to the data folder, or mount the disk for writing.",
      30,
    );
  }
  return isBusy(error) ? held() : error;
}

function held(): Refusal {
  return new Refusal("unavailable", "Another process holds the database. Nothing was stored; try again.", 1);
}
