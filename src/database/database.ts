import { Database as Sqlite } from "bun:sqlite";
import { closeSync, existsSync, fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { version as larderVersion } from "../version.ts";
import { migrate } from "./migrate.ts";
import { readMigrations } from "./migrations.macro.ts" with { type: "macro" };
import { PerTurn } from "./per-turn.ts";
import * as schema from "./schema.ts";
import { WriteQueue } from "./write-queue.ts";

const syncData = promisify(fdatasync);

/** What queries are written against. They use the subset that both SQLite and PostgreSQL have, and are always awaited. */
export type Queries = BunSQLiteDatabase<typeof schema>;

/** Names the row that counts changes of teams, users and tokens. */
export const identityKey = "identity";

/** Whether a write survives a loss of power, or only the end of the process. */
export type Durability = "full" | "fast";

/**
 * The database of one larder. Reads see committed rows only, their own process's newest included.
 */
export interface Database {
  /**
   * For reading; never write through it. To be asked for anew for each read: those of one turn of the event loop then
   * see the same state, with all that was written by ourselves.
   */
  readonly read: Queries;

  /**
   * Runs `work` in a transaction and resolves with its result once that is durable (as `durability` says).
   * Writes asked for at the same time share one commit; if `work` rejects, only its own changes are undone.
   * `work` must await nothing but its own queries, since all others wait for it.
   */
  write<T>(work: (tx: Queries) => Promise<T>): Promise<T>;

  /** How many writes wait for their commit to begin. */
  readonly queuedWrites: number;

  /**
   * Changes with every write that goes through `writeIdentity`, of this process or another. Cheap enough for every request:
   * those that arrived in the same turn of the event loop share one look (2 µs), taken after the first of them had arrived.
   */
  identityVersion(): number;

  /** Resolves if the database can be read, and rejects if not. */
  check(): Promise<void>;

  /** Waits for the writes under way, then lets go of the files. */
  close(): Promise<void>;
}

/**
 * Opens the database file, creates it if it is missing, and brings its schema up to date.
 * @param onLostLog what to do when a commit could not be synced: it can be neither acknowledged nor taken back, and since Linux
 *   tells of a failed write only once, the next sync would succeed over the hole. A server has to end, as PostgreSQL does.
 * @throws Refusal `conflict` when a newer larder has migrated it.
 */
export function openDatabase(
  path: string,
  durability: Durability = "full",
  onLostLog: (error: unknown) => never = rethrow,
): Database {
  // Two connections: readers never see what a transaction has not yet committed.
  const writer = connect(path, !existsSync(path));
  let reader: Sqlite;
  try {
    migrate(writer, readMigrations(), larderVersion);
    // From here on the queue waits for other processes, and without holding up everything else.
    writer.run("PRAGMA busy_timeout = 0");
    reader = connect(path, false);
  } catch (error) {
    writer.close();
    throw error;
  }
  const options = { schema, casing: "snake_case" } as const;
  const log = durability === "full" ? openSync(`${path}-wal`, "r+") : undefined;
  const queue = new WriteQueue(writer, drizzle(writer, options), async () => {
    version.end();
    snapshot.end();
    if (log !== undefined) await syncData(log).catch(onLostLog);
  });
  const ping = reader.query("SELECT count(*) FROM sqlite_master");
  const identityVersion = reader.query(`SELECT version FROM versions WHERE key = '${identityKey}'`);
  const version = new PerTurn(() => {
    // Whoever finds nothing changed must not read what was there before.
    snapshot.end();
    snapshot.get();
    return (identityVersion.values()[0]?.[0] ?? 0) as number;
  });
  const begin = reader.query("BEGIN");
  const end = reader.query("ROLLBACK");
  // To enter and leave a transaction costs three times what a look-up in it does.
  const snapshot = new PerTurn(
    () => void begin.run(),
    // Nothing was written in it, so there is nothing to lose; a fault may have ended it already.
    () => void (reader.inTransaction && end.run()),
  );
  const readQueries = drizzle(reader, options);

  return {
    get read() {
      snapshot.get();
      return readQueries;
    },
    write: (work) => queue.add(work),
    get queuedWrites() {
      return queue.length;
    },
    check: async () => void ping.values(),
    identityVersion: () => version.get(),
    async close() {
      await queue.idle();
      if (log !== undefined) closeSync(log);
      version.end();
      snapshot.end();
      reader.close();
      writer.close();
    },
  };
}

function rethrow(error: unknown): never {
  throw error;
}

/** How long another process that opens or migrates the same file is waited for. */
const openingPatienceMs = 5_000;

function connect(path: string, create: boolean): Sqlite {
  const sqlite = new Sqlite(path, { readwrite: true, create });
  sqlite.run(`PRAGMA busy_timeout = ${openingPatienceMs}`);
  keepWriteAheadLog(sqlite);
  // FULL would be this and a sync of the write-ahead log after each commit, which would hold up the event loop. The
  // write queue has another thread do that sync before it answers.
  sqlite.run("PRAGMA synchronous = NORMAL");
  sqlite.run("PRAGMA foreign_keys = ON");
  return sqlite;
}

/**
 * Two processes that turn the same new file to a write-ahead log stand in each other's way, each with a lock that the
 * other waits for, so SQLite gives up for one of them at once, whatever its `busy_timeout`. The other has done it then.
 */
function keepWriteAheadLog(sqlite: Sqlite): void {
  const giveUpAtMs = performance.now() + openingPatienceMs;
  for (;;) {
    try {
      return void sqlite.run("PRAGMA journal_mode = WAL");
    } catch (error) {
      if ((error as { code?: unknown }).code !== "SQLITE_BUSY" || performance.now() > giveUpAtMs) throw error;
      Bun.sleepSync(5);
    }
  }
}
