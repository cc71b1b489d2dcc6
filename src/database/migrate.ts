import type { Database } from "bun:sqlite";
import { Refusal } from "../refusal.ts";
import type { Migration } from "./migrations.macro.ts";

/**
 * Brings the database to the schema of this binary, all of it or nothing, and records which larder did so.
 * @throws Refusal `conflict` when a newer larder has migrated it; nothing is written then.
 */
export function migrate(sqlite: Database, migrations: Migration[], larderVersion: string): void {
  if (schemaVersion(sqlite) > migrations.length) refuseNewer(sqlite, migrations.length, larderVersion);
  if (schemaVersion(sqlite) === migrations.length) return;

  // Another process may be at it too, so the version is read again under the write lock.
  sqlite
    .transaction(() => {
      sqlite.run(
        "CREATE TABLE IF NOT EXISTS `schema_migrations` (`version` integer PRIMARY KEY NOT NULL, `name` text NOT NULL, `larder_version` text NOT NULL, `applied_at` integer NOT NULL)",
      );
      for (let version = schemaVersion(sqlite) + 1; version <= migrations.length; version++) {
        const migration = migrations[version - 1] as Migration;
        for (const statement of migration.statements) sqlite.run(statement);
        sqlite.run("INSERT INTO `schema_migrations` VALUES (?, ?, ?, ?)", [
          version,
          migration.name,
          larderVersion,
          Date.now(),
        ]);
      }
    })
    .immediate();
}

/** 0 for an empty database. */
function schemaVersion(sqlite: Database): number {
  const known = sqlite.query("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").get();
  if (!known) return 0;
  const row = sqlite.query("SELECT max(version) AS version FROM schema_migrations").get() as {
    version: number | null;
  };
  return row.version ?? 0;
}

function refuseNewer(sqlite: Database, ours: number, larderVersion: string): never {
  const newest = sqlite
    .query(
      "SELECT version, larder_version AS larderVersion FROM schema_migrations ORDER BY version DESC LIMIT 1",
    )
    .get() as { version: number; larderVersion: string };
  throw new Refusal(
    "conflict",
    `This data folder has schema version ${newest.version}, written by larder ${newest.larderVersion}, ` +
      `and this is larder ${larderVersion}, which knows versions up to ${ours}. ` +
      `Start larder ${newest.larderVersion} or newer, or restore a backup. Nothing was changed.`,
  );
}
