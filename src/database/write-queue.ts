import type { Database as Sqlite } from "bun:sqlite";
import { Refusal } from "../refusal.ts";
import type { Queries } from "./database.ts";

interface Entry {
  work: (tx: Queries) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

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
      this.sqlite.run("BEGIN IMMEDIATE");
      for (const entry of batch) {
        this.sqlite.run("SAVEPOINT entry");
        try {
          const value = await entry.work(this.queries);
          answers.push(() => entry.resolve(value));
        } catch (error) {
          this.sqlite.run("ROLLBACK TO entry");
          answers.push(() => entry.reject(refusalOf(error)));
        }
        this.sqlite.run("RELEASE entry");
      }
      this.sqlite.run("COMMIT");
    } catch (error) {
      if (this.sqlite.inTransaction) this.sqlite.run("ROLLBACK");
      for (const entry of batch) entry.reject(refusalOf(error));
      return;
    }
    for (const answer of answers) answer();
  }
}

/** A full disk is the operator's to mend; everything else is a fault of ours and stays as it is. */
function refusalOf(error: unknown): unknown {
  if ((error as { code?: string }).code !== "SQLITE_FULL") return error;
  return new Refusal("no_space", "The server's disk is full. Nothing was stored; free some space there.");
}
