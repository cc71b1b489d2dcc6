import { Database as Sqlite } from "bun:sqlite";
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Refusal } from "../refusal.ts";
import { type Database, type Durability, openDatabase } from "./database.ts";
import { readMigrations } from "./migrations.macro.ts" with { type: "macro" };

/**
 * Creates the data folder if it is missing, for its owner alone.
 * @throws Refusal `unavailable` when it cannot be created or written to.
 */
export function createDataFolder(folder: string): void {
  try {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (first !== undefined) syncParents(folder, first);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** Makes the names of new folders, from `first` down to `folder`, survive a loss of power. */
function syncParents(folder: string, first: string): void {
  // Windows has no such call; NTFS journals its folders by itself.
  if (process.platform === "win32") return;
  for (let made = folder; ; made = dirname(made)) {
    const parent = openSync(dirname(made), "r");
    fsyncSync(parent);
    closeSync(parent);
    if (made === first || made === dirname(made)) return;
  }
}

/**
 * Whether a larder has been in this folder.
 * @throws Refusal `unavailable` when it is no folder, or this user may not look into it.
 */
export function hasDatabase(folder: string): boolean {
  try {
    return statSync(databaseFile(folder), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** Whether `openDataFolder` would create the database, or change its schema to that of this binary. */
export function needsMigration(folder: string): boolean {
  try {
    using sqlite = new Sqlite(databaseFile(folder), { readonly: true });
    sqlite.run("PRAGMA busy_timeout = 5000");
    const row = sqlite.query("SELECT max(version) AS version FROM schema_migrations").get() as {
      version: number | null;
    };
    return (row.version ?? 0) < readMigrations().length;
  } catch {
    // There is nothing yet, or nothing that is ours; opening it tells which.
    return true;
  }
}

/**
 * The database of a data folder, which must exist.
 * @throws Refusal `conflict` when a newer larder has migrated it, `unavailable` when it cannot be opened.
 */
export function openDataFolder(
  folder: string,
  durability?: Durability,
  onLostLog?: (error: unknown) => never,
): Database {
  const path = databaseFile(folder);
  try {
    return openDatabase(path, durability, onLostLog);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(
      "unavailable",
      `Cannot open the database ${path}: ${(error as Error).message}. ` +
        "Check that this user may write it, that the disk has room, and that it is larder's.",
    );
  }
}

function databaseFile(folder: string): string {
  return join(folder, "larder.db");
}

function unusable(folder: string, error: unknown): Refusal {
  const { code, message } = error as NodeJS.ErrnoException;
  const inTheWay = code === "EEXIST" || code === "ENOTDIR";
  return new Refusal(
    "unavailable",
    inTheWay
      ? `Cannot use the data folder ${folder}: it is a file, or lies below one. Name a folder with --data.`
      : `Cannot use the data folder ${folder}: ${message}. ` +
          "Give this user the right to write there, or choose another with --data.",
  );
}
