import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One step of the schema. Its version is its place in the list, counted from 1. */
export interface Migration {
  name: string;
  /** To be run in this order. */
  statements: string[];
}

/** Read when the program is bundled, so that the binary carries them and needs no folder beside it. */
export function readMigrations(): Migration[] {
  const folder = join(import.meta.dir, "../../drizzle/sqlite");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -".sql".length),
      statements: readFileSync(join(folder, file), "utf8")
        .split("--> statement-breakpoint")
        .map((statement) => statement.trim()),
    }));
}
