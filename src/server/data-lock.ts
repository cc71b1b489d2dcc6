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

/** Who has the lock, as it says itself. */
interface Holder extends RunningServer {
  /** How it was called, if it is a command and no server. */
  command?: string;
}

/** Keeps a data folder for one server. The system lets go of it when the process ends, however it ends. */
export interface DataLock {
  /** Lets commands find the server. */
  announce(url: string, networkUrls?: string[]): void;
  release(): void;
}

const lockName = "server.lock";
const stateName = "server.json";

/** Most commands hold the lock for some milliseconds, and who comes then shall wait for them. */
const patienceMs = 1_000;
/** A command waits longer for another one, which may be clearing up after a crash. */
const commandPatienceMs = 10_000;

/** @throws Refusal `conflict` naming the server or the command that has the folder. */
export function lockData(folder: string): DataLock {
  const lock = tryLock(folder);
  if (!lock) {
    const holder = readHolder(folder);
    if (holder.command !== undefined) throw heldByCommand(folder, holder);
    throw new Refusal(
      "conflict",
      `Another larder${pidText(holder)} is serving ${folder}. ` +
        "Stop it first, or give this one a folder of its own with --data.",
    );
  }
  writeHolder(folder, { pid: process.pid });
  return {
    announce: (url, networkUrls = []) => writeHolder(folder, { pid: process.pid, url, networkUrls }),
    release: () => release(folder, lock),
  };
}

/**
 * Keeps servers and other commands off the folder, until disposed of. Undefined if a server runs there.
 * @param command how this one was called, for those who are kept off.
 * @throws Refusal `conflict` when another command has the folder for longer than `waitMs`.
 */
export function keepServersOff(
  folder: string,
  command: string,
  waitMs = commandPatienceMs,
): Disposable | undefined {
  for (const deadline = performance.now() + waitMs; ; ) {
    const lock = tryLock(folder);
    if (lock) {
      writeHolder(folder, { pid: process.pid, command });
      return { [Symbol.dispose]: () => release(folder, lock) };
    }
    const holder = readHolder(folder);
    const isOver = performance.now() > deadline;
    // Whoever has just taken the lock or lets go of it has left no word, and may be a command; a server has, before long.
    if (holder.command === undefined && (holder.pid !== undefined || isOver)) return undefined;
    if (isOver) throw heldByCommand(folder, holder);
  }
}

function heldByCommand(folder: string, holder: Holder): Refusal {
  return new Refusal(
    "conflict",
    `\`${holder.command}\`${pidText(holder)} is at work on ${folder}. Wait until it has ended, then try again.`,
  );
}

function pidText({ pid }: Holder): string {
  return pid === undefined ? "" : ` (pid ${pid})`;
}

function release(folder: string, lock: Sqlite): void {
  rmSync(join(folder, stateName), { force: true });
  lock.close();
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
    if (!isTaken(error)) return undefined;
    const { command, ...server } = readHolder(folder);
    return command === undefined ? server : undefined;
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
function writeHolder(folder: string, holder: Holder): void {
  const path = join(folder, stateName);
  writeFileSync(`${path}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readHolder(folder: string): Holder {
  try {
    return JSON.parse(readFileSync(join(folder, stateName), "utf8"));
  } catch {
    // It has yet to leave word.
    return {};
  }
}
