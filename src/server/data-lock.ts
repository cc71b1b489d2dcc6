import { Database as Sqlite } from "bun:sqlite";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../refusal.ts";

/** What a running server says of itself in its data folder, for commands beside it. */
export interface RunningServer {
  pid: number;
  /** Where it listens, as soon as it does. */
  url?: string;
}

const lockName = "server.lock";
const stateName = "server.json";

/** Keeps a data folder for one server. The system lets go of it when the process ends, however it ends. */
export interface DataLock {
  /** Lets commands find the server. */
  announce(url: string): void;
  release(): void;
}

/**
 * The lock is an exclusive transaction on an empty SQLite file: it holds on every system that SQLite runs on, and a crash
 * leaves none behind.
 * @throws Refusal `conflict` naming the pid of the server that has the folder.
 */
export function lockData(folder: string): DataLock {
  const lock = new Sqlite(join(folder, lockName), { readwrite: true, create: true });
  try {
    lock.run("PRAGMA busy_timeout = 0");
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    const pid = readServer(folder)?.pid;
    throw new Refusal(
      "conflict",
      `Another larder${pid === undefined ? "" : ` (pid ${pid})`} is serving ${folder}. ` +
        "Stop it first, or give this one a folder of its own with --data.",
    );
  }
  writeServer(folder, { pid: process.pid });
  return {
    announce: (url) => writeServer(folder, { pid: process.pid, url }),
    release() {
      rmSync(join(folder, stateName), { force: true });
      lock.run("ROLLBACK");
      lock.close();
    },
  };
}

/** At once and whole, so that nobody reads half of it. */
function writeServer(folder: string, server: RunningServer): void {
  const path = join(folder, stateName);
  writeFileSync(`${path}.new`, `${JSON.stringify(server)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The server of that folder, if it has left word. After a crash that word is stale. */
export function readServer(folder: string): RunningServer | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, stateName), "utf8"));
  } catch {
    return undefined;
  }
}
