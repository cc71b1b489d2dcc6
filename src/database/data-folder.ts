import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../refusal.ts";
import { type Database, openDatabase } from "./database.ts";

/**
 * Creates the data folder if it is missing, for its owner alone.
 * @throws Refusal `unavailable` when it cannot be created or written to.
 */
export function createDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Refusal(
      "unavailable",
      `Cannot use the data folder ${folder}: ${(error as Error).message}. ` +
        "Give this user the right to write there, or choose another with --data.",
    );
  }
}

/**
 * The database of a data folder, which must exist.
 * @throws Refusal `conflict` when a newer larder has migrated it, `unavailable` when it cannot be opened.
 */
export function openDataFolder(folder: string): Database {
  const path = join(folder, "larder.db");
  try {
    return openDatabase(path);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(
      "unavailable",
      `Cannot open the database ${path}: ${(error as Error).message}. ` +
        "Check that this user may write it, that the disk has room, and that it is larder's.",
    );
  }
}
