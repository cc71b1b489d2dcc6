import { Database as Sqlite } from "bun:sqlite";
import { afterEach, beforeEach, expect, setSystemTime, test } from "bun:test";
import { eq, sql } from "drizzle-orm";
import { pino } from "pino";
import { events, runs, usageDays } from "../../src/database/schema.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import type { FlushedUsage } from "../../src/usage/usage-writer.ts";
import { allRuns, askerOf, clientEvent, openTestUsage, recently } from "./test-usage.ts";

// What is counted by the minute, the hour or the day is counted in the same one, however long a test takes.
beforeEach(() => {
  setSystemTime(new Date("2026-11-20T12:30Z"));
});
afterEach(() => {
  setSystemTime();
});

function localHits(count: number, sessionId: string | null = "s", name = "h") {
  return Array.from({ length: count }, (_, index) =>
    clientEvent({ source: "LOCAL", sessionId, hash: `${name}${index}`, durationMs: 1 }),
  );
}

test("while another process holds the database everything waits, is told of once, and is written once", async () => {
  await using t = await openTestUsage();
  const logged: { level: number; msg: string }[] = [];
  const recorder = new UsageRecorder(
    t.database,
    pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }),
  );
  const asker = askerOf(t.team.id);
  using holder = new Sqlite(t.path);
  holder.run("BEGIN IMMEDIATE");
  recorder.report(asker, null, localHits(2_500));
  await recorder.flush();
  recorder.report(asker, null, localHits(10, "s", "later"));
  await recorder.flush();
  expect(await allRuns(t.database)).toEqual([]);
  expect(logged.map(({ level, msg }) => [level, msg])).toEqual([
    [40, "usage cannot be written and waits in memory"],
  ]);
  holder.run("ROLLBACK");
  await recorder.flush();
  await recorder.flush();
  expect(await allRuns(t.database)).toMatchObject([{ localHits: 2_510, events: 2_510 }]);
  expect(await t.database.read.$count(events)).toBe(2_510);
  expect(await t.totals()).toMatchObject({ localHits: 2_510 });
  expect([recorder.dropped, recorder.waiting]).toEqual([0, 0]);
}, 120_000);

test("what a fault of ours keeps from being written is tried again, and in the end keeps nothing else waiting", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  {
    using sqlite = new Sqlite(t.path);
    sqlite.run(
      "CREATE TRIGGER stuck BEFORE INSERT ON events WHEN NEW.hash = 'stuck' BEGIN SELECT RAISE(ABORT, 'stuck'); END",
    );
  }
  t.recorder.report(asker, null, [clientEvent({ source: "LOCAL", hash: "stuck" })]);
  for (let time = 1; time <= 4; time++) {
    const flushed = t.recorder
      .flush()
      .then(() => "written")
      .catch(() => "failed");
    expect(await flushed).toBe("failed");
  }
  t.recorder.report(asker, null, localHits(1));
  await t.recorder.flush();
  await t.recorder.flush();
  expect(t.recorder.dropped).toBeGreaterThan(0);
  expect(await t.totals()).toMatchObject({ localHits: 1 });
});

test("what was written before a fault of ours is told of at once, and the fault the next time", async () => {
  await using t = await openTestUsage();
  using sqlite = new Sqlite(t.path);
  sqlite.run(
    "CREATE TRIGGER stuck BEFORE INSERT ON events WHEN NEW.hash = 'stuck' BEGIN SELECT RAISE(ABORT, 'stuck'); END",
  );
  const told: FlushedUsage[] = [];
  t.recorder.subscribe((usage) => void told.push(usage));
  t.recorder.report(askerOf(t.team.id), null, [
    ...localHits(1_500),
    clientEvent({ source: "LOCAL", sessionId: "s", hash: "stuck" }),
  ]);
  await t.recorder.flush();
  const [run] = await allRuns(t.database);
  const ofRun = { teamId: t.team.id, id: run?.id as number };
  expect(told).toEqual([{ teamIds: new Set([t.team.id]), runs: [ofRun] }]);
  expect(await t.recorder.flush().catch(() => "failed")).toBe("failed");
  expect(told).toHaveLength(1);
  sqlite.run("DROP TRIGGER stuck");
  await t.recorder.flush();
  expect(told.slice(1)).toEqual([{ teamIds: new Set(), runs: [ofRun] }]);
  expect(await t.database.read.$count(events)).toBe(1_501);
});

test("what cannot be written for a while only is written whole when it can", async () => {
  await using t = await openTestUsage();
  using sqlite = new Sqlite(t.path);
  sqlite.run("CREATE TRIGGER stuck BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'stuck'); END");
  t.recorder.report(askerOf(t.team.id), null, localHits(3_000));
  await t.recorder.flush().catch(() => {});
  expect(await t.database.read.$count(runs)).toBe(0);
  sqlite.run("DROP TRIGGER stuck");
  await t.recorder.flush();
  expect(await allRuns(t.database)).toMatchObject([{ localHits: 3_000, events: 3_000 }]);
  expect(await t.totals()).toMatchObject({ localHits: 3_000 });
});

test("a team that is deleted meanwhile takes its own with it, and nothing of others", async () => {
  await using t = await openTestUsage();
  const gone = await t.teams.create({ slug: "gone" });
  t.recorder.report(askerOf(t.team.id), null, localHits(7));
  t.recorder.report(askerOf(gone.id), null, localHits(5));
  await t.recorder.flush();
  t.recorder.report(askerOf(gone.id), null, localHits(5, "s", "later"));
  t.recorder.report(askerOf(t.team.id), null, localHits(7, "s", "later"));
  await t.teams.delete(gone.id, async () => {});
  await t.recorder.flush();
  t.recorder.report(askerOf(gone.id), null, localHits(5, "s", "last"));
  await t.recorder.close();
  expect(await allRuns(t.database)).toMatchObject([{ teamId: t.team.id, localHits: 14, events: 14 }]);
  expect(await t.totals()).toMatchObject({ localHits: 14 });
  expect(await t.database.read.$count(usageDays)).toBe(1);

  // Its events go with their age: no later run shall be taken for theirs.
  const another = await t.teams.create({ slug: "another" });
  t.recorder.report(askerOf(another.id), null, localHits(1));
  await t.recorder.flush();
  const [run] = (await t.runs.list({ teamIds: [another.id] })).items;
  expect((await t.runs.events(run as NonNullable<typeof run>)).items).toHaveLength(1);
});

test("a run that has expired goes on as a new one", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  for (const sessionId of ["s", null]) {
    t.recorder.report(asker, null, localHits(2, sessionId));
    await t.recorder.flush();
    await t.database.write(async (tx) => void (await tx.delete(runs)));
    t.recorder.report(asker, null, localHits(3, sessionId, "later"));
    await t.recorder.flush();
    expect(await allRuns(t.database)).toMatchObject([{ sessionId, localHits: 3 }]);
    await t.database.write(async (tx) => void (await tx.delete(runs)));
  }
});

test("of a run with very many events all count, and 20,000 have a row, restarts or not", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  for (let restart = 0; restart < 3; restart++) {
    const recorder = new UsageRecorder(t.database, pino({ level: "silent" }));
    recorder.report(asker, null, localHits(9_000));
    await recorder.close();
  }
  expect(await allRuns(t.database)).toMatchObject([{ localHits: 27_000, events: 27_000 }]);
  expect(await t.database.read.$count(events)).toBe(20_000);
});

test("what comes faster than it is written is counted, and beyond a bound has no row", async () => {
  await using t = await openTestUsage();
  for (let token = 0; token < 3; token++) {
    t.recorder.report(askerOf(t.team.id, { tokenId: `tok_${token}` }), null, localHits(10_000));
  }
  expect(t.recorder.waiting).toBe(20_000);
  expect(t.recorder.dropped).toBe(10_000);
  await t.recorder.flush();
  expect(await t.totals()).toMatchObject({ localHits: 30_000 });
  const shown = (await allRuns(t.database)).map(({ localHits, events }) => [localHits, events]);
  expect(shown).toEqual(Array(3).fill([10_000, 10_000]));
  expect(await t.database.read.$count(events)).toBe(20_000);
});

test("a team whose events flood in costs no other its rows", async () => {
  await using t = await openTestUsage();
  const other = await t.teams.create({ slug: "other" });
  for (let token = 0; token < 3; token++) {
    t.recorder.report(askerOf(t.team.id, { tokenId: `tok_${token}` }), null, localHits(10_000));
  }
  t.recorder.report(askerOf(other.id, { tokenId: "tok_9" }), null, localHits(1_010));
  await t.recorder.flush();
  const ofOther = (await allRuns(t.database)).find(({ teamId }) => teamId === other.id);
  expect(ofOther).toMatchObject({ localHits: 1_010, events: 1_010 });
  expect(await t.database.read.$count(events, eq(events.runId, ofOther?.id ?? 0))).toBe(1_000);
  expect(await t.database.read.$count(events)).toBe(21_000);
});

test("reads that wait for their session are bounded, and those that waited longest go without", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  for (let read = 0; read < 60_000; read++) t.recorder.read(asker, `h${read}`);
  await t.recorder.flush();
  expect(await allRuns(t.database)).toMatchObject([{ sessionId: null, remoteMisses: 10_000 }]);
  await t.recorder.close();
  expect(await allRuns(t.database)).toMatchObject([{ sessionId: null, remoteMisses: 60_000 }]);
  expect(await t.totals()).toMatchObject({ remoteMisses: 60_000 });
});

test("an origin that makes up sessions gets 2,000 an hour, whatever tokens it has; the rest counts as none", async () => {
  await using t = await openTestUsage();
  const origin = { kind: "policy", id: "pol_1" } as const;
  for (let session = 0; session < 2_500; session++) {
    const asker = askerOf(t.team.id, { origin, tokenId: `tok_${session % 2}` });
    t.recorder.report(asker, null, localHits(1, `s${session}`));
  }
  await t.recorder.close();
  const [counted] = await t.database.read
    .select({ rows: sql<number>`count(*)`, loose: sql<number>`sum(session_id is null)` })
    .from(runs);
  expect(counted).toEqual({ rows: 2_002, loose: 2 });
  expect(await t.totals()).toMatchObject({ localHits: 2_500 });
});

test("of a team with many origins in a day 200 have sums of their own, restarts or not, and no other team is touched", async () => {
  await using t = await openTestUsage();
  const other = await t.teams.create({ slug: "other" });
  for (let restart = 0; restart < 2; restart++) {
    const recorder = new UsageRecorder(t.database, pino({ level: "silent" }));
    for (let token = 0; token < 150; token++) {
      recorder.read(askerOf(t.team.id, { tokenId: `tok_${restart}_${token}` }), "a");
    }
    recorder.read(askerOf(t.team.id, { tokenId: "tok_0_0" }), "b");
    recorder.read(askerOf(other.id, { tokenId: `tok_${restart}` }), "a");
    await recorder.close();
  }
  const rows = (await t.database.read.select().from(usageDays)).filter(({ teamId }) => teamId === t.team.id);
  expect(rows).toHaveLength(201);
  const missesOf = (id: string) => rows.find(({ originId }) => originId === id)?.remoteMisses;
  expect([missesOf("other"), missesOf("tok_0_0")]).toEqual([100, 3]);
  expect(await t.totals()).toMatchObject({ remoteMisses: 304 });
  const origins = (await t.history.byOrigin({ span: recently() }, 300)).map(({ name }) => name);
  expect(origins.filter((name) => name === "other")).toHaveLength(1);
});
