import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/*
 * Names: `…At` is a time in milliseconds since 1970, `…Bytes` and `…Ms` say their unit.
 * After a change run `bun run db:generate`, which writes the migration; a migration that has been released is never edited.
 */

export const teamStates = ["enabled", "disabled", "over_limit", "paused", "blocked"] as const;
export const overwriteRules = ["allow", "never"] as const;
export const quotaRules = ["evict", "refuse"] as const;
export const permissions = ["read", "write", "admin"] as const;

/** The tenants. */
export const teams = sqliteTable("teams", {
  /** `team_` and 24 letters and digits. Clients drop an id without that prefix from their requests. */
  id: text().primaryKey(),
  slug: text().notNull().unique(),
  name: text().notNull(),
  state: text({ enum: teamStates }).notNull().default("enabled"),
  /** Whether an upload may replace an artifact by other bytes. */
  overwrite: text({ enum: overwriteRules }).notNull().default("allow"),
  /** How much it may use; null for no limit of its own. */
  quotaBytes: integer(),
  /** What happens at the quota: its least recently used artifacts go, or uploads are refused. */
  quotaRule: text({ enum: quotaRules }).notNull().default("evict"),
  /** Artifacts that were not used for so long go; null for the server's own limit. */
  maxAgeMs: integer(),
  /** What its artifacts take, each blob counted once. Kept by every transaction that changes it. */
  usedBytes: integer().notNull().default(0),
  createdAt: integer().notNull(),
});

/** Secrets that act for a team. The secret itself is never stored. */
export const tokens = sqliteTable(
  "tokens",
  {
    /** `tok_` and 16 letters and digits. */
    id: text().primaryKey(),
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** SHA-256 of the secret, in hex. */
    secretSha256: text().notNull().unique(),
    permission: text({ enum: permissions }).notNull(),
    createdAt: integer().notNull(),
    expiresAt: integer(),
    revokedAt: integer(),
  },
  (table) => [index("tokens_team").on(table.teamId)],
);

/** Immutable bytes on the storage, each stored once however many artifacts point at it. */
export const blobs = sqliteTable(
  "blobs",
  {
    id: integer().primaryKey(),
    /** In hex; also the blob's name on the storage. */
    sha256: text().notNull().unique(),
    sizeBytes: integer().notNull(),
    createdAt: integer().notNull(),
    /** Set when an artifact let go of it: the collector then looks whether any other holds it. */
    releasedAt: integer(),
    /** Set by a check beside the server that found the bytes wrong: the server looks itself before it quarantines. */
    suspectedAt: integer(),
    /** Set when the bytes were found missing or wrong: artifacts that point at it are misses until it is uploaded again. */
    quarantinedAt: integer(),
  },
  (table) => [index("blobs_released").on(table.releasedAt), index("blobs_suspected").on(table.suspectedAt)],
);

/** What clients stored, by key: (team, tool, scope, hash). */
export const artifacts = sqliteTable(
  "artifacts",
  {
    id: integer().primaryKey(),
    teamId: text()
      .notNull()
      .references(() => teams.id),
    /** The client's protocol, such as `turbo`. Two tools never meet each other's artifacts. */
    tool: text().notNull(),
    /** Empty for trusted work. */
    scope: text().notNull(),
    hash: text().notNull(),
    blobId: integer()
      .notNull()
      .references(() => blobs.id),
    /** How long the task took that produced it. */
    durationMs: integer().notNull(),
    /** The client's signature, echoed as it came. */
    tag: text(),
    /** Commit that produced it. */
    sha: text(),
    /** Digest of what was uncommitted when it was produced. */
    dirtyHash: text(),
    clientCi: text(),
    clientInteractive: integer({ mode: "boolean" }),
    /** The token that wrote it; null for the environment's `TURBO_TOKEN`. */
    writtenBy: text(),
    createdAt: integer().notNull(),
    /** Of the last download or upload; a crash may set it back by some seconds. */
    lastUsedAt: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex("artifacts_key").on(table.teamId, table.tool, table.scope, table.hash),
    index("artifacts_blob").on(table.blobId, table.teamId),
    index("artifacts_last_used").on(table.lastUsedAt),
    index("artifacts_team_last_used").on(table.teamId, table.lastUsedAt),
  ],
);

/** Hits and misses as clients report them. */
export const events = sqliteTable(
  "events",
  {
    id: integer().primaryKey(),
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    tool: text().notNull(),
    tokenId: text(),
    /** The client's own id of its run. */
    sessionId: text(),
    source: text({ enum: ["LOCAL", "REMOTE"] }).notNull(),
    event: text({ enum: ["HIT", "MISS"] }).notNull(),
    hash: text().notNull(),
    durationMs: integer().notNull(),
    clientCi: text(),
    clientInteractive: integer({ mode: "boolean" }),
    createdAt: integer().notNull(),
  },
  (table) => [index("events_team").on(table.teamId), index("events_created").on(table.createdAt)],
);

/** What a data folder was given once and keeps, such as the size limit that its first start chose. */
export const choices = sqliteTable("choices", {
  key: text().primaryKey(),
  value: text().notNull(),
});
