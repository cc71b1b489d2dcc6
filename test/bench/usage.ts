/* Measures what keeping the history of use costs, and reading it: `bun test/bench/usage.ts`. See docs/benchmarks.md. */

import { Database as Sqlite } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { usageOverview } from "../../src/admin/usage-overview.ts";
import { serverActor } from "../../src/audit/audit-log.ts";
import { cursorOf } from "../../src/database/cursor.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { Teams } from "../../src/identity/teams.ts";
import type { Asker } from "../../src/usage/asker.ts";
import { expireEvents } from "../../src/usage/expire-usage.ts";
import { type Run, Runs } from "../../src/usage/runs.ts";
import { UsageHistory } from "../../src/usage/usage-history.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { median } from "./results.ts";

const quick = process.argv.includes("--quick");
const eventCount = quick ? 1_000_000 : 10_000_000;
const runCount = quick ? 20_000 : 200_000;
const teamCount = 20;
const originCount = 20;
/** As many as a team has sums of in a day. */
const busyOriginCount = 200;
/** Of one run; so many may have rows of their own. */
const eventsOfLargest = 20_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const now = Date.now();
/** What no query may take. */
const limitMs = 50;

const counters = "7, 3, 20, 10, 70000, 200000, 30000, 3, 3000000, 7000000, 0";
const names =
  "remote_hits, remote_misses, local_hits, local_misses, remote_saved_ms, local_saved_ms, missed_ms, uploads, uploaded_bytes, downloaded_bytes, refused_uploads";

const folder = temporaryFolder();
const path = join(folder.path, "larder.db");
const database = openDatabase(path, "fast");
try {
  await fill();
  await measureReading();
  await measureOverviews();
  await measureExpiry();
  await measureCounting();
} finally {
  await database.close();
  folder[Symbol.dispose]();
}

/** The first team has half of everything, and the rest is spread over the others. */
async function fill(): Promise<void> {
  const teams = new Teams(database, serverActor);
  await teams.ensureDefault();
  for (let team = 1; team < teamCount; team++) await teams.create({ slug: `team-${team}` });
  using sqlite = new Sqlite(path);
  const ids = (await teams.list()).map(({ id }) => id);
  await nextTurn();
  await nextTurn();
  sqlite.run("CREATE TEMP TABLE numbered (number INTEGER PRIMARY KEY, id TEXT)");
  for (const [number, id] of ids.entries()) sqlite.run("INSERT INTO numbered VALUES (?, ?)", [number, id]);
  const teamOf = `(SELECT id FROM numbered WHERE number = CASE WHEN value % 2 THEN 0 ELSE value / 2 % ${teamCount} END)`;
  fillRollups(sqlite, ids, { origins: originCount, days: 365 });
  const runStepMs = (30 * dayMs) / runCount;
  insert(
    sqlite,
    "runs",
    runCount,
    `${numbers(runCount)} INSERT INTO runs (team_id, tool, session_id, origin_kind, origin_id, token_id, actor_name, scope, started_at, last_event_at, events, ${names})
     SELECT ${teamOf}, 'turbo', printf('00000000-0000-0000-0000-%012d', value), 'token', printf('tok_%016d', value % 40), printf('tok_%016d', value % 40), 'ci', '',
       CAST(${now} - (${runCount} - value) * ${runStepMs} AS INTEGER), CAST(${now} - (${runCount} - value) * ${runStepMs} AS INTEGER), 50, ${counters} FROM numbers`,
  );
  insert(
    sqlite,
    "events",
    eventCount,
    `${numbers(eventCount)} INSERT INTO events (run_id, kind, hash, duration_ms, size_bytes, created_at)
     SELECT CASE WHEN value < ${eventCount - eventsOfLargest} THEN value * ${runCount - 1} / ${eventCount} + 1 ELSE ${runCount} END,
       value % 5, printf('%016x', value * 2654435761), 1000, 5000, CAST(${now} - (${eventCount} - value) * ${(30 * dayMs) / eventCount} AS INTEGER) FROM numbers`,
  );
  sqlite.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** As if all the origins had been active in each of the hours that are kept, and on each of the days. */
function fillRollups(
  sqlite: Sqlite,
  ids: readonly string[],
  { origins, days }: { origins: number; days: number },
): void {
  sqlite.run("CREATE TEMP TABLE IF NOT EXISTS rollup_teams (number INTEGER PRIMARY KEY, id TEXT)");
  sqlite.run("DELETE FROM rollup_teams");
  for (const [number, id] of ids.entries())
    sqlite.run("INSERT INTO rollup_teams VALUES (?, ?)", [number, id]);
  for (const [table, stepMs, kept] of [
    ["usage_hours", hourMs, 90],
    ["usage_days", dayMs, days],
  ] as const) {
    const first = Math.floor(now / stepMs) * stepMs - kept * dayMs + stepMs;
    const rows = ((kept * dayMs) / stepMs) * origins;
    insert(
      sqlite,
      `rows of ${table}: ${origins} origins, ${kept} days`,
      rows,
      `${numbers(rows)} INSERT INTO ${table} (start_at, team_id, tool, origin_kind, origin_id, ${names})
       SELECT ${first} + value / ${origins} * ${stepMs}, (SELECT id FROM rollup_teams WHERE number = value % ${ids.length}),
         'turbo', 'token', printf('tok_%016d', value % ${origins}), ${counters} FROM numbers`,
    );
  }
  const ofMonth = "CAST(strftime('%s', start_at / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000";
  for (const [table, startAt, from, key] of [
    ["usage_months", ofMonth, "usage_days", "team_id, tool, origin_kind, origin_id"],
    ["usage_team_hours", "start_at", "usage_hours", "team_id, tool"],
    ["usage_team_days", "start_at", "usage_days", "team_id, tool"],
  ] as const) {
    const rows = `SELECT ${startAt}, ${key}, ${names.replaceAll(/\w+/g, "sum($&)")} FROM ${from}
      WHERE team_id IN (SELECT id FROM rollup_teams) GROUP BY ${startAt}, ${key}`;
    const { count } = sqlite.query(`SELECT count(*) AS count FROM (${rows})`).get() as { count: number };
    insert(
      sqlite,
      `rows of ${table} for these`,
      count,
      `INSERT INTO ${table} (start_at, ${key}, ${names}) ${rows}`,
    );
  }
}

function numbers(count: number): string {
  return `WITH RECURSIVE numbers (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM numbers WHERE value < ${count - 1})`;
}

function insert(sqlite: Sqlite, what: string, count: number, statement: string): void {
  const before = sizeBytes(sqlite);
  const startedAt = performance.now();
  sqlite.run(statement);
  const tookMs = performance.now() - startedAt;
  const mib = (sizeBytes(sqlite) - before) / 2 ** 20;
  tell(
    `${count.toLocaleString("en")} ${what}`,
    `${mib.toFixed(1)} MiB, made within ${(tookMs / 1000).toFixed(1)} s`,
  );
}

async function measureReading(): Promise<void> {
  const history = new UsageHistory(database);
  const runs = new Runs(database);
  const [first, last] = [0, 7].map((index) => teamIds()[index] as string) as [string, string];
  const spans = { "7 days": usageSpan(now - 7 * dayMs, now), "a year": usageSpan(now - 365 * dayMs, now) };
  for (const [name, span] of Object.entries(spans)) {
    for (const [whose, filter] of [
      ["all teams", { span }],
      ["one team", { span, teamIds: [last] }],
    ] as const) {
      await time(`totals, ${name}, ${whose}`, () => history.totals(filter));
      await time(`series, ${name}, ${whose}`, () => history.series(filter));
      await time(`by team, ${name}, ${whose}`, () => history.byTeam(filter));
      await time(`by origin, ${name}, ${whose}`, () => history.byOrigin(filter, 20));
    }
  }
  await time("whether there was a hit, of a team without", () => history.hasRemoteHit(["team_none"]));
  const page = { limit: 200 };
  const middle = cursorOf(now - 15 * dayMs, runCount / 2);
  await time("runs, newest", () => runs.list({}, page));
  await time("runs, deep in the list", () => runs.list({}, { ...page, cursor: middle }));
  await time("runs of the largest team, deep in the list", () =>
    runs.list({ teamIds: [first] }, { ...page, cursor: middle }),
  );
  await time("runs of all 20 teams of somebody", () => runs.list({ teamIds: teamIds() }, page));
  await time("runs of one origin", () => runs.list({ origin: "tok_0000000000000007" }, page));
  await time("runs of one origin, of a team where it did nothing", () =>
    runs.list({ teamIds: ["team_none"], origin: "tok_0000000000000001" }, page),
  );
  await time("runs of an origin that has none", () => runs.list({ origin: "tok_none" }, page));
  await time("runs of a tool that has none, of the largest team", () =>
    runs.list({ teamIds: [first], tool: "nx" }, page),
  );
  await time("runs, 14 to 7 days ago", () =>
    runs.list({ since: now - 14 * dayMs, until: now - 7 * dayMs }, page),
  );
  const run = (await runs.get(runCount)) as Run;
  await time("a run", () => runs.get(run.id));
  const events = await runs.events(run, { limit: 1_000 });
  await time("events of the largest run", () => runs.events(run, page));
  await time("events of the largest run, later page", () =>
    runs.events(run, { ...page, cursor: events.nextCursor as string }),
  );
}

/** All that an overview shows, of a team in which very many are at work. */
async function measureOverviews(): Promise<void> {
  const team = await new Teams(database, serverActor).create({ slug: "busy" });
  {
    using sqlite = new Sqlite(path);
    await nextTurn();
    await nextTurn();
    // With the time before, with which a year is compared.
    fillRollups(sqlite, [team.id], { origins: busyOriginCount, days: 730 });
  }
  const history = new UsageHistory(database);
  for (const [name, days] of [
    ["a day", 1],
    ["7 days", 7],
    ["30 days", 30],
    ["90 days", 90],
    ["a year", 365],
  ] as const) {
    const span = usageSpan(now - days * dayMs, now);
    for (const [whose, filter] of [
      ["all teams", { span }],
      [`a team of ${busyOriginCount} origins`, { span, teamIds: [team.id] }],
    ] as const)
      await time(`overview, ${name}, ${whose}`, () => usageOverview(history, filter, { byTeam: true }));
  }
}

/** The longest of the steps that it takes, since others wait for each. */
async function measureExpiry(): Promise<void> {
  let longestMs = 0;
  const measured: Database = {
    ...database,
    get read() {
      return database.read;
    },
    async write(work) {
      const startedAt = performance.now();
      try {
        return await database.write(work);
      } finally {
        longestMs = Math.max(longestMs, performance.now() - startedAt);
      }
    },
  };
  const startedAt = performance.now();
  await expireEvents(measured, { maxAgeMs: 29.5 * dayMs }, { now });
  const tookMs = performance.now() - startedAt;
  tell(
    `expiry of ${Math.round(eventCount / 60).toLocaleString("en")} events`,
    `${Math.round(tookMs)} ms, longest step ${longestMs.toFixed(1)} ms`,
  );
}

/** What it costs a request, and what it costs the server every second. */
async function measureCounting(): Promise<void> {
  const recorder = new UsageRecorder(database, pino({ level: "silent" }));
  const asker: Asker = {
    teamId: teamIds()[0] as string,
    tool: "turbo",
    origin: { kind: "token", id: "tok_bench" },
    tokenId: "tok_bench",
    name: "bench",
    userId: null,
    scope: "",
  };
  const hashes = Array.from({ length: 40_000 }, (_, index) => index.toString(16).padStart(16, "0"));
  const found = { durationMs: 1_000, sizeBytes: 100_000 };
  for (const [name, round] of [
    ["a hit", () => hashes.forEach((hash) => void recorder.read(asker, hash, found))],
    ["a miss", () => hashes.forEach((hash) => void recorder.read(asker, hash))],
  ] as const) {
    const nanoseconds: number[] = [];
    for (let time = 0; time < 15; time++) {
      const startedAt = Bun.nanoseconds();
      round();
      nanoseconds.push((Bun.nanoseconds() - startedAt) / hashes.length);
      await recorder.flush(Date.now() + hourMs);
    }
    tell(`${name}, counted`, `${Math.round(median(nanoseconds.slice(5)) as number)} ns`);
  }
  const origins = Array.from({ length: busyOriginCount }, (_, index) => {
    const id = `tok_${index}`;
    return { ...asker, origin: { kind: "token", id }, tokenId: id } as const;
  });
  const flushesOfOrigins: number[] = [];
  for (let time = 0; time < 20; time++) {
    for (const one of origins) recorder.upload(one, `${time}`, found);
    const startedAt = performance.now();
    await recorder.flush();
    flushesOfOrigins.push(performance.now() - startedAt);
  }
  tell(
    `a flush of an upload of each of ${busyOriginCount} origins`,
    `${(median(flushesOfOrigins) as number).toFixed(1)} ms`,
  );
  const flushes: number[] = [];
  for (let time = 0; time < 20; time++) {
    const sessions = Array.from({ length: 100 }, (_, index) => `${time} ${index}`);
    // An origin may report no more in a minute than two of these.
    const reporter: Asker = { ...asker, origin: { kind: "token", id: `tok_reporter_${time}` } };
    for (const sessionId of sessions) {
      const events = hashes
        .slice(0, 50)
        .map((hash) => ({ sessionId, source: "LOCAL", event: "HIT", hash, durationMs: 1 }) as const);
      recorder.report(reporter, null, events);
    }
    const startedAt = performance.now();
    await recorder.flush();
    flushes.push(performance.now() - startedAt);
  }
  tell("a flush of 100 new runs with 50 events each", `${(median(flushes) as number).toFixed(1)} ms`);
}

/** Reads of one turn of the event loop see one state of the database, and share the opening of it. */
function nextTurn(): Promise<void> {
  return new Promise((turned) => setImmediate(turned));
}

async function time(what: string, work: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 9; round++) {
    await nextTurn();
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  const slowest = Math.max(...times);
  if (slowest > limitMs) process.exitCode = 1;
  const verdict = slowest > limitMs ? `  MORE THAN ${limitMs} ms` : "";
  tell(what, `${(median(times) as number).toFixed(2)} ms, slowest ${slowest.toFixed(2)} ms${verdict}`);
}

function teamIds(): string[] {
  using sqlite = new Sqlite(path, { readonly: true });
  return (sqlite.query("SELECT id FROM teams ORDER BY slug").all() as { id: string }[]).map(({ id }) => id);
}

/** All of the database; what was just written may lie in its log still. */
function sizeBytes(sqlite: Sqlite): number {
  sqlite.run("PRAGMA wal_checkpoint(TRUNCATE)");
  return statSync(path).size;
}

function tell(what: string, figure: string): void {
  console.log(`${what.padEnd(58)}${figure}`);
}
