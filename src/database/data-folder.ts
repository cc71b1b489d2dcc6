import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../refusal.ts";
import { type Database, openDatabase } from "./database.ts";

/**
 * Creates the data folder if it is missing, for its owner alone.
 * @throws Refusal `bad_request` when it cannot be.
 */
export function createDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Refusal(
      "bad_request",
      `Cannot create the data folder ${folder}: ${(error as Error).message}. Choose another with --data.`,
    );
  }
}

/** The database of a data folder. @throws Refusal `conflict` when a newer larder has migrated it. */
export function openDataFolder(folder: string): Database {
  return openDatabase(join(folder, "larder.db"));
}
