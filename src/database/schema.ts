import { sql } from "drizzle-orm";
import { check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/*
 * Names: `…At` is a time in milliseconds since 1970, `…Bytes` and `…Ms` say their unit.
 * After a change run `bun run db:generate`, which writes the migration; a migration that has been released is never edited.
 */

export const teamStates = ["enabled", "disabled", "over_limit", "paused", "blocked"] as const;
export const overwriteRules = ["allow", "never"] as const;
export const quotaRules = ["evict", "refuse"] as const;
export const permissions = ["read", "write", "admin"] as const;
/** On the whole server. */
export const userRoles = ["admin", "member"] as const;
/** In a team. */
export const memberRoles = ["owner", "member", "viewer"] as const;
/** Of a role: somebody gave it, or it came with single sign-on. */
export const memberSources = ["manual", "oidc"] as const;
/** Of the use of the cache. `environment`: the `TURBO_TOKEN` that the server was started with. */
export const originKinds = ["token", "policy", "environment", "anonymous"] as const;
/** `REMOTE`: seen by the server; `LOCAL`: reported by a client. An event's row has its place in this list. */
export const eventKinds = [
  { source: "LOCAL", event: "HIT" },
  { source: "LOCAL", event: "MISS" },
  { source: "REMOTE", event: "HIT" },
  { source: "REMOTE", event: "MISS" },
  { source: "REMOTE", event: "UPLOAD" },
] as const;
/** By which figures are summed up and kept. */
export const usageSteps = ["hour", "day"] as const;
export const linkPurposes = ["setup", "password", "sso"] as const;

/** The tenants. */
export const teams = sqliteTable("teams", {
  /** `team_` and 24 letters and digits. Clients drop an id without that prefix from their requests. */
  id: text().primaryKey(),
  slug: text().notNull().unique(),
  name: text().notNull(),
  state: text({ enum: teamStates }).notNull().default("enabled"),
  /** Whether an upload may replace an artifact by other bytes. */
  overwrite: text({ enum: overwriteRules }).notNull().default("allow"),
  /** Whether uploads without a signature are refused. */
  requireTag: integer({ mode: "boolean" }).notNull().default(false),
  /** Whether anybody may read what its trusted work has stored, without a token. */
  anonymousRead: integer({ mode: "boolean" }).notNull().default(false),
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

/** People. */
export const users = sqliteTable(
  "users",
  {
    /** `usr_` and 16 letters and digits. */
    id: text().primaryKey(),
    /** In lower case. */
    email: text().notNull().unique(),
    name: text().notNull(),
    role: text({ enum: userRoles }).notNull(),
    /** One that came with single sign-on follows what the provider says at the next one. */
    roleSource: text({ enum: memberSources }).notNull().default("manual"),
    /** Argon2id, in PHC form; null for one who has none yet, or signs in elsewhere. */
    passwordHash: text(),
    /** Who vouches for this user, and under which name: an OpenID Connect issuer and its `sub`. */
    oidcIssuer: text(),
    oidcSubject: text(),
    createdAt: integer().notNull(),
    lastSignInAt: integer(),
    /** Set while the user may not sign in, and none of the user's tokens counts. */
    disabledAt: integer(),
  },
  (table) => [uniqueIndex("users_oidc").on(table.oidcIssuer, table.oidcSubject)],
);

/** Which user has which role in which team. */
export const members = sqliteTable(
  "members",
  {
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    userId: text()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    role: text({ enum: memberRoles }).notNull(),
    /** Those that came with single sign-on follow what the provider says at the next one. */
    source: text({ enum: memberSources }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.teamId, table.userId] }), index("members_user").on(table.userId)],
);

/** Browsers in which somebody is signed in. */
export const sessions = sqliteTable(
  "sessions",
  {
    /** SHA-256 of the cookie's secret, in hex. */
    secretSha256: text().primaryKey(),
    userId: text()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    createdAt: integer().notNull(),
    expiresAt: integer().notNull(),
    address: text(),
    /** The browser's own name for itself. */
    client: text(),
  },
  (table) => [index("sessions_user").on(table.userId), index("sessions_expires").on(table.expiresAt)],
);

/** Secrets that are good for one thing, once: to set the server up, to set a password, to end a sign-in of a client. */
export const links = sqliteTable(
  "links",
  {
    /** In hex. */
    secretSha256: text().primaryKey(),
    purpose: text({ enum: linkPurposes }).notNull(),
    userId: text().references(() => users.id, { onDelete: "cascade" }),
    teamId: text().references(() => teams.id, { onDelete: "cascade" }),
    createdAt: integer().notNull(),
    expiresAt: integer().notNull(),
  },
  (table) => [index("links_expires").on(table.expiresAt)],
);

/** Secrets that act for a team, or for a user in all of the user's teams. The secret itself is never stored. */
export const tokens = sqliteTable(
  "tokens",
  {
    /** `tok_` and 16 letters and digits. */
    id: text().primaryKey(),
    teamId: text().references(() => teams.id, { onDelete: "cascade" }),
    userId: text().references(() => users.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** SHA-256 of the secret, in hex. */
    secretSha256: text().notNull().unique(),
    /** The most that it may do. What its user may do in a team, if it is a user's, may be less. */
    permission: text({ enum: permissions }).notNull(),
    /** Empty if it is trusted; else the scope that it reads before the trusted one, and writes. */
    scope: text().notNull().default(""),
    createdAt: integer().notNull(),
    /** Who made it, in words, such as `user ann@example.org`. */
    createdBy: text(),
    /** The policy under which a CI job got it, and what that job proved of itself. */
    policyId: text(),
    claims: text({ mode: "json" }).$type<Record<string, unknown>>(),
    expiresAt: integer(),
    revokedAt: integer(),
    /** A crash may set it back by some seconds. */
    lastUsedAt: integer(),
  },
  (table) => [
    // Lists begin with the newest.
    index("tokens_created").on(table.createdAt, table.id),
    index("tokens_team_created").on(table.teamId, table.createdAt, table.id),
    index("tokens_user_created").on(table.userId, table.createdAt, table.id),
    // Of those that people made, which are few beside those of CI jobs.
    index("tokens_made_expires").on(table.expiresAt).where(sql`${table.policyId} is null`),
    check("tokens_holder", sql`(${table.teamId} is null) <> (${table.userId} is null)`),
  ],
);

/** What a CI job has to prove of itself, and which token it gets for that. */
export const policies = sqliteTable(
  "policies",
  {
    /** `pol_` and 16 letters and digits. */
    id: text().primaryKey(),
    name: text().notNull(),
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    issuer: text().notNull(),
    audience: text().notNull(),
    /** Pattern by claim. All of them have to match. */
    claims: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
    permission: text({ enum: permissions }).notNull(),
    /** Empty for trusted work; else the scope, with names of claims and of parts of patterns in braces. */
    scope: text().notNull(),
    tokenMaxAgeMs: integer().notNull(),
    /** Whether its issuer may be inside the network: so it is where who looks after the server named it. */
    isInternalAllowed: integer({ mode: "boolean" }).notNull().default(true),
    createdAt: integer().notNull(),
    createdBy: text(),
  },
  (table) => [index("policies_team").on(table.teamId), index("policies_issuer").on(table.issuer)],
);

/** Who did what. Refers to nothing, so that it outlives what it tells of. */
export const audit = sqliteTable(
  "audit",
  {
    id: integer().primaryKey(),
    createdAt: integer().notNull(),
    /** What was done, such as `token.revoke`. */
    kind: text().notNull(),
    /** What kind of actor it was, such as `user`, with its id where it has one. */
    actorKind: text().notNull(),
    actorId: text(),
    actorName: text().notNull(),
    address: text(),
    teamId: text(),
    /** What it was done to: an id or a hash. */
    target: text(),
    details: text({ mode: "json" }).$type<Record<string, unknown>>(),
  },
  (table) => [
    index("audit_created").on(table.createdAt),
    // Uploads are by far the most of them, and each waits for its row: what else finds them is searched for.
    index("audit_others_created").on(table.createdAt).where(sql`${table.kind} <> 'artifact.write'`),
  ],
);

/** Counts the changes of what others keep in memory. */
export const versions = sqliteTable("versions", {
  /** `identity`. */
  key: text().primaryKey(),
  version: integer().notNull(),
});

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
  (table) => [
    index("blobs_size").on(table.sizeBytes),
    index("blobs_released").on(table.releasedAt),
    index("blobs_suspected").on(table.suspectedAt),
  ],
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
    index("artifacts_written_by").on(table.writtenBy),
    // What is not trusted goes first, and sooner.
    index("artifacts_scoped_last_used").on(table.lastUsedAt).where(sql`${table.scope} <> ''`),
    index("artifacts_scoped_team_last_used")
      .on(table.teamId, table.lastUsedAt)
      .where(sql`${table.scope} <> ''`),
  ],
);

/**
 * What is counted of the use of the cache. What is remote, the server has seen itself; what is local, clients have reported.
 */
const counters = () => ({
  remoteHits: integer().notNull().default(0),
  remoteMisses: integer().notNull().default(0),
  localHits: integer().notNull().default(0),
  localMisses: integer().notNull().default(0),
  /** What the tasks of the hits once took. */
  remoteSavedMs: integer().notNull().default(0),
  localSavedMs: integer().notNull().default(0),
  /** What the tasks took whose results were uploaded, or were to be. */
  missedMs: integer().notNull().default(0),
  uploads: integer().notNull().default(0),
  uploadedBytes: integer().notNull().default(0),
  downloadedBytes: integer().notNull().default(0),
  /** For their size, a quota, or want of room. */
  refusedUploads: integer().notNull().default(0),
});

/** Whose a use is: one for all tokens of a policy's jobs, so that what is kept does not grow with jobs. */
const origin = () => ({
  originKind: text({ enum: originKinds }).notNull(),
  /** Of the token or the policy; the variable's name for the environment's tokens; empty for anybody. */
  originId: text().notNull(),
});

/** What a client did in one session; where it tells of none, what one credential did without a long pause. */
export const runs = sqliteTable(
  "runs",
  {
    /** Never given twice: events outlive a run whose team is deleted. */
    id: integer().primaryKey({ autoIncrement: true }),
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    tool: text().notNull(),
    /** The client's own id of it. */
    sessionId: text(),
    ...origin(),
    /** Empty where there is no row of it. */
    tokenId: text().notNull(),
    /** Of who asked, as it was then. */
    actorName: text().notNull(),
    userId: text(),
    /** Whose work it was: empty if trusted. */
    scope: text().notNull(),
    clientCi: text(),
    startedAt: integer().notNull(),
    lastEventAt: integer().notNull(),
    /** How many there was room for when they came. How many there were at all, the counters tell. */
    events: integer().notNull().default(0),
    ...counters(),
  },
  (table) => [
    // What a list may be narrowed by stands in the index, so that it reads no rows in vain.
    index("runs_started").on(table.startedAt, table.id, table.tool, table.originKind),
    index("runs_team_started").on(table.teamId, table.startedAt, table.id, table.tool, table.originKind),
    index("runs_origin_started").on(table.originId, table.startedAt, table.id),
    // A list of one team must not take longer for what another team's origin did.
    index("runs_team_origin_started").on(table.teamId, table.originId, table.startedAt, table.id, table.tool),
    // Another credential with the same session id shall not write into somebody's run.
    uniqueIndex("runs_session").on(
      table.sessionId,
      table.teamId,
      table.tool,
      table.originKind,
      table.originId,
      table.tokenId,
    ),
  ],
);

/**
 * Hits, misses and uploads, one by one. Ids grow with time, so the oldest are the lowest. Refers to no run, so that a team with
 * millions of them is deleted at once; those of a run that is gone go with their age.
 */
export const events = sqliteTable(
  "events",
  {
    id: integer().primaryKey(),
    runId: integer().notNull(),
    /** A place in `eventKinds`. */
    kind: integer().notNull(),
    hash: text().notNull(),
    /** What the task took, when it ran; 0 for a miss. */
    durationMs: integer().notNull(),
    /** Of the artifact; null where none was transferred. */
    sizeBytes: integer(),
    createdAt: integer().notNull(),
  },
  (table) => [index("events_run").on(table.runId)],
);

const rollup = () => ({
  /** Of the hour, the day or the month, in UTC. */
  startAt: integer().notNull(),
  teamId: text()
    .notNull()
    .references(() => teams.id, { onDelete: "cascade" }),
  tool: text().notNull(),
});

function rollupOfOrigins<Name extends string>(name: Name) {
  return sqliteTable(name, { ...rollup(), ...origin(), ...counters() }, (table) => [
    primaryKey({ columns: [table.startAt, table.teamId, table.tool, table.originKind, table.originId] }),
    index(`${name}_team`).on(table.teamId, table.startAt),
  ]);
}

function rollupOfTeams<Name extends string>(name: Name) {
  return sqliteTable(name, { ...rollup(), ...counters() }, (table) => [
    primaryKey({ columns: [table.startAt, table.teamId, table.tool] }),
    index(`${name}_team`).on(table.teamId, table.startAt),
  ]);
}

/** What was counted of each origin in each hour. */
export const usageHours = rollupOfOrigins("usage_hours");

/** The same by days, which stay. */
export const usageDays = rollupOfOrigins("usage_days");

/** The same by months, so that of a long time few rows have to be read. */
export const usageMonths = rollupOfOrigins("usage_months");

/** What was counted in each hour of all origins of a team: how many those are must not matter to who asks for none. */
export const usageTeamHours = rollupOfTeams("usage_team_hours");

/** The same by days, which stay. */
export const usageTeamDays = rollupOfTeams("usage_team_days");

/** What ended: an hour, or with it a day, in UTC. The rows of days stay. */
const endedStep = () => text({ enum: usageSteps }).notNull();

/** How much all blobs took at the end of each hour. Where a row is missing, nothing has changed since the one before. */
export const storageHistory = sqliteTable("storage_history", {
  endAt: integer().primaryKey(),
  step: endedStep(),
  storedBytes: integer().notNull(),
});

/** How much each team used, only at the end of those hours in which that has changed. */
export const teamStorageHistory = sqliteTable(
  "team_storage_history",
  {
    endAt: integer().notNull(),
    step: endedStep(),
    teamId: text()
      .notNull()
      .references(() => teams.id, { onDelete: "cascade" }),
    usedBytes: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.teamId, table.endAt] }),
    // Finds those that are too old without a look at those that stay.
    index("team_storage_history_hours").on(table.endAt).where(sql`${table.step} = 'hour'`),
  ],
);

/** What a data folder keeps by name, such as the size limit that its first start chose. */
export const choices = sqliteTable("choices", {
  key: text().primaryKey(),
  value: text().notNull(),
});
