import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { rowsOf } from "./holdings.ts";
import { errorLines } from "./log-lines.ts";
import { until } from "./until.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const args = ["--max-age", "1d", "--scope-max-age", "1h", "--event-max-age", "1d", "--audit-max-age", "2d"];

/** Of each kind, what is too old and what is not. The server's own rows of the audit log are none of these. */
const kinds: Record<string, string> = {
  sessions: "SELECT secret_sha256 AS name FROM sessions",
  links: "SELECT secret_sha256 AS name FROM links",
  events: "SELECT hash AS name FROM events",
  runs: "SELECT session_id AS name FROM runs WHERE session_id IS NOT NULL",
  hours: "SELECT tool AS name FROM usage_hours WHERE tool <> 'turbo'",
  hoursOfTeams: "SELECT tool AS name FROM usage_team_hours WHERE tool <> 'turbo'",
  audit: "SELECT target AS name FROM audit WHERE actor_name = 'test'",
  artifacts: "SELECT hash AS name FROM artifacts",
  tokens: "SELECT id AS name FROM tokens WHERE policy_id IS NOT NULL",
};

function namesOf(dataFolder: string): Record<string, string[]> {
  const entries = Object.entries(kinds).map(([kind, query]) => {
    const rows = rowsOf<{ name: string }>(dataFolder, `${query} ORDER BY name`);
    return [kind, rows.map(({ name }) => name)];
  });
  return Object.fromEntries(entries);
}

const allOf: Record<string, string[]> = {
  sessions: ["old", "young"],
  links: ["old", "young"],
  events: ["old", "young"],
  runs: ["old", "young"],
  hours: ["old", "young"],
  hoursOfTeams: ["old", "young"],
  audit: ["old", "old-upload", "young", "young-upload"],
  artifacts: ["beyond-quota", "old", "old-scoped", "young", "young-scoped", "young-within-quota"],
  tokens: ["tok_old", "tok_young"],
};
const youngOf = Object.fromEntries(
  Object.entries(allOf).map(([kind, names]) => [kind, names.filter((name) => name.includes("young"))]),
);

async function fill(larder: RunningLarder): Promise<void> {
  // Without an administrator each start makes a link, and with it removes old ones.
  await larder.cli("user", "create", "ann@example.org", "--role", "admin");
  await larder.cli("team", "create", "web");
  const ofWeb = ["--team", "web", "--permission", "write", "--name", "ci"];
  const web = await larder.cli("token", "create", ...ofWeb);
  const webSecret = /lrd_\w+/.exec(web.stdout)?.[0];
  for (const [index, hash] of (allOf.artifacts as string[]).entries()) {
    const secret = hash.endsWith("quota") ? webSecret : larder.firstToken;
    const answer = await fetch(`${larder.url}/v8/artifacts/${hash}`, {
      method: "PUT",
      body: `body ${index}`,
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(answer.status).toBe(202);
  }
  expect(await larder.stop()).toBe(0);
  age(larder.dataFolder);
  expect(namesOf(larder.dataFolder)).toEqual(allOf);
}

function age(dataFolder: string): void {
  using database = new Database(join(dataFolder, "larder.db"));
  const now = Date.now();
  const insert = (table: string, row: Record<string, string | number>) =>
    database
      .query(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => "?")})`)
      .run(...Object.values(row));
  const idOf = (query: string) => (database.query(query).get() as { id: string }).id;
  const userId = idOf("SELECT id FROM users");
  const teamId = idOf("SELECT id FROM teams WHERE slug = 'default'");
  database.run("DELETE FROM links");
  for (const [name, expiresAt] of Object.entries({ old: now - 1, young: now + day })) {
    insert("sessions", { secret_sha256: name, user_id: userId, created_at: 1, expires_at: expiresAt });
    insert("links", { secret_sha256: name, purpose: "sso", created_at: 1, expires_at: expiresAt });
  }
  // What was uploaded is as young as the server.
  database.run("DELETE FROM events");
  const ofToken = { origin_kind: "token", origin_id: "tok_1" };
  for (const [hash, ageMs] of Object.entries({ old: 25 * hour, young: 23 * hour })) {
    const at = now - ageMs;
    insert("events", { run_id: 1, kind: 0, duration_ms: 1, hash, created_at: at });
    const by = { team_id: teamId, tool: "turbo", ...ofToken, token_id: "tok_1", actor_name: "ci", scope: "" };
    insert("runs", { ...by, session_id: hash, started_at: at - day, last_event_at: at });
  }
  for (const [tool, days] of Object.entries({ old: 91, young: 89 })) {
    const hour = { start_at: now - days * day, team_id: teamId, tool };
    insert("usage_hours", { ...hour, ...ofToken });
    insert("usage_team_hours", hour);
  }
  const rows = { old: 49, young: 47, "old-upload": 25, "young-upload": 23 };
  for (const [target, hours] of Object.entries(rows)) {
    const kind = target.endsWith("upload") ? "artifact.write" : "token.create";
    const by = { actor_kind: "command", actor_name: "test" };
    insert("audit", { ...by, kind, target, created_at: now - hours * hour });
  }
  for (const [name, days] of Object.entries({ old: 31, young: 29 })) {
    const facts = { team_id: teamId, name, secret_sha256: name, permission: "read", policy_id: "pol_1" };
    insert("tokens", { id: `tok_${name}`, ...facts, created_at: 1, expires_at: now - days * day });
  }
  const use = database.query("UPDATE artifacts SET last_used_at = ?, scope = ? WHERE hash = ?");
  use.run(now - 25 * hour, "", "old");
  use.run(now - 2 * hour, "", "young");
  use.run(now - 2 * hour, "pr-1", "old-scoped");
  use.run(now - 30 * minute, "pr-1", "young-scoped");
  use.run(now - 30 * minute, "", "beyond-quota");
  database.run("UPDATE teams SET quota_bytes = used_bytes / 2 WHERE slug = 'web'");
}

/** Where what was quarantined so long ago lies. */
function quarantined(dataFolder: string, name: string): string {
  return join(dataFolder, "quarantine", name.repeat(64));
}

function setOld(path: string): void {
  const then = (Date.now() - 31 * day) / 1000;
  utimesSync(path, then, then);
}

test("a server removes what is old by itself, and nothing else", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  {
    await using first = await startLarder({ dataFolder });
    await fill(first);
  }
  const [old, young] = ["a", "b"].map((name) => quarantined(dataFolder, name)) as [string, string];
  for (const path of [old, young]) writeFileSync(path, "rotten");
  setOld(old);
  await using second = await startLarder({ dataFolder, args });
  await until(second.url, () => Bun.deepEquals(namesOf(dataFolder), youngOf) && !existsSync(old)).catch(
    () => {},
  );
  expect(namesOf(dataFolder)).toEqual(youngOf);
  expect([old, young].map(existsSync)).toEqual([false, true]);
  expect(await second.stop()).toBe(0);
  expect(errorLines(second.stderr())).toEqual([]);
});

test("what cannot be removed is logged, and all the rest goes all the same", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  {
    await using first = await startLarder({ dataFolder });
    await fill(first);
  }
  // What nobody can remove as a file, and the first thing that is tried.
  const stuck = quarantined(dataFolder, "a");
  mkdirSync(stuck);
  setOld(stuck);
  const refuse = (table: string) =>
    `CREATE TRIGGER stuck_${table} BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, 'stuck'); END`;
  {
    using database = new Database(join(dataFolder, "larder.db"));
    database.run(refuse("events"));
  }
  const left = { ...youngOf, events: allOf.events as string[] };
  await using second = await startLarder({ dataFolder, args });
  await until(second.url, () => Bun.deepEquals(namesOf(dataFolder), left)).catch(() => {});
  expect(namesOf(dataFolder)).toEqual(left);
  expect(await second.stop()).toBe(0);
  expect(errorLines(second.stderr()).map(({ work }) => work)).toEqual([
    "empty the quarantine",
    "expire events",
  ]);
});

test("a server with more rows of uploads than it keeps forgets the oldest by itself", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  {
    await using first = await startLarder({ dataFolder });
    await first.stop();
  }
  {
    using database = new Database(join(dataFolder, "larder.db"));
    database.run(
      `WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < 500100)
       INSERT INTO audit (created_at, kind, actor_kind, actor_name, target)
       SELECT ${Date.now() - hour} + value, 'artifact.write', 'token', 'ci', value FROM numbers`,
    );
  }
  await using second = await startLarder({ dataFolder });
  const count = () =>
    rowsOf<{ rows: number }>(
      dataFolder,
      "SELECT count(*) AS rows FROM audit WHERE kind = 'artifact.write'",
    )[0]?.rows;
  await until(second.url, () => (count() as number) <= 500_000);
  expect(await second.stop()).toBe(0);
  const [{ oldest }] = rowsOf<{ oldest: number }>(
    dataFolder,
    "SELECT min(CAST(target AS INTEGER)) AS oldest FROM audit WHERE kind = 'artifact.write'",
  ) as [{ oldest: number }];
  expect(oldest).toBe(500_100 - (count() as number) + 1);
});
