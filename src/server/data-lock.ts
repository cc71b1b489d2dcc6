import { Database as Sqlite } from "bun:sqlite";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../refusal.ts";

/** What a running server says of itself in its data folder, for commands beside it. */
export interface RunningServer {
  pid?: number;
  /** What clients use, as soon as it listens. */
  url?: string;
  /** How other machines reach it, if `url` is for its own only. */
  networkUrls?: string[];
}

/** Keeps a data folder for one server. The system lets go of it when the process ends, however it ends. */
export interface DataLock {
  /** Lets commands find the server. */
  announce(url: string, networkUrls?: string[]): void;
  release(): void;
}

const lockName = "server.lock";
const stateName = "server.json";

/** Commands hold the lock for some milliseconds at most, and a server that starts then shall wait for them. */
const patienceMs = 1_000;

/** @throws Refusal `conflict` naming the pid of the server that has the folder. */
export function lockData(folder: string): DataLock {
  const lock = tryLock(folder);
  if (!lock) {
    const pid = readServer(folder).pid;
    throw new Refusal(
      "conflict",
      `Another larder${pid === undefined ? "" : ` (pid ${pid})`} is serving ${folder}. ` +
        "Stop it first, or give this one a folder of its own with --data.",
    );
  }
  writeServer(folder, { pid: process.pid });
  return {
    announce: (url, networkUrls = []) => writeServer(folder, { pid: process.pid, url, networkUrls }),
    release() {
      rmSync(join(folder, stateName), { force: true });
      lock.close();
    },
  };
}

/** Keeps servers from starting on the folder, until disposed of. Undefined if one runs there. */
export function keepServersOff(folder: string): Disposable | undefined {
  const lock = tryLock(folder);
  return lock && { [Symbol.dispose]: () => lock.close() };
}

/**
 * The server that runs on this data folder, and what it has said of itself. Undefined if none does, or if this user may
 * not know. Changes nothing.
 */
export function runningServer(folder: string): RunningServer | undefined {
  try {
    using lock = new Sqlite(join(folder, lockName), { readonly: true });
    lock.run("PRAGMA busy_timeout = 0");
    // Reading is refused for as long as somebody has the lock. A process id would prove nothing: they are used again.
    lock.query("SELECT count(*) FROM sqlite_master").get();
    return undefined;
  } catch (error) {
    return isTaken(error) ? readServer(folder) : undefined;
  }
}

/**
 * The lock is an exclusive transaction on an empty SQLite file: it holds on every system that SQLite runs on, and a crash
 * leaves none behind. Closing lets go of it.
 */
function tryLock(folder: string): Sqlite | undefined {
  const lock = new Sqlite(join(folder, lockName), { readwrite: true, create: true });
  try {
    lock.run(`PRAGMA busy_timeout = ${patienceMs}`);
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!isTaken(error)) throw error;
    return undefined;
  }
}

function isTaken(error: unknown): boolean {
  return (error as { code?: string }).code === "SQLITE_BUSY";
}

/** At once and whole, so that nobody reads half of it. */
function writeServer(folder: string, server: RunningServer): void {
  const path = join(folder, stateName);
  writeFileSync(`${path}.new`, `${JSON.stringify(server)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readServer(folder: string): RunningServer {
  try {
    return JSON.parse(readFileSync(join(folder, stateName), "utf8"));
  } catch {
    // It has yet to leave word.
    return {};
  }
}
