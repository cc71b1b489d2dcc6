import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import type { Database } from "../../src/database/database.ts";
import type { FlushedUsage } from "../../src/usage/usage-writer.ts";
import { allRuns, askerOf, clientEvent, openTestUsage } from "./test-usage.ts";

// Where a test fails, too.
afterEach(() => {
  setSystemTime();
});

describe("a run", () => {
  test("has what the server saw and the client told of its session, and nothing else", async () => {
    await using t = await openTestUsage();
    const asker = askerOf(t.team.id);
    t.recorder.read(asker, "hit", { durationMs: 500, sizeBytes: 70 });
    t.recorder.read(asker, "miss");
    t.recorder.report(asker, "GITHUB_ACTIONS", [
      clientEvent({ source: "LOCAL", event: "HIT", hash: "local", durationMs: 40 }),
      clientEvent({ source: "LOCAL", event: "MISS", hash: "hit" }),
      clientEvent({ hash: "hit", durationMs: 999_999 }),
      clientEvent({ event: "MISS", hash: "miss" }),
      clientEvent({ event: "HIT", hash: "never asked for", durationMs: 999_999 }),
    ]);
    t.recorder.upload(asker, "miss", { durationMs: 300, sizeBytes: 20 });
    t.recorder.refusedUpload(asker, "too large", 9);
    await t.recorder.close();

    const { items } = await t.runs.list({});
    expect(items).toHaveLength(2);
    const run = items.find(({ sessionId }) => sessionId === "s");
    expect(run).toMatchObject({
      teamSlug: "default",
      tool: "turbo",
      clientCi: "GITHUB_ACTIONS",
      origin: { kind: "token", id: "tok_1", name: "ci" },
      remoteHits: 1,
      remoteMisses: 1,
      localHits: 1,
      localMisses: 1,
      remoteSavedMs: 500,
      localSavedMs: 40,
      savedMs: 540,
      missedMs: 300,
      uploads: 1,
      uploadedBytes: 20,
      downloadedBytes: 70,
      refusedUploads: 0,
      hitRate: 2 / 3,
      hitRateByTime: 540 / 840,
      events: 5,
    });
    expect(items.find(({ sessionId }) => sessionId === null)).toMatchObject({
      refusedUploads: 1,
      missedMs: 9,
    });
    expect(await t.totals()).toMatchObject({ remoteHits: 1, uploads: 1, refusedUploads: 1, savedMs: 540 });

    const { items: events } = await t.runs.events(run as NonNullable<typeof run>);
    expect(events.map(({ source, event, hash }) => `${source} ${event} ${hash}`)).toEqual([
      "LOCAL HIT local",
      "LOCAL MISS hit",
      "REMOTE HIT hit",
      "REMOTE MISS miss",
      "REMOTE UPLOAD miss",
    ]);
  });
});

test("a read goes to the session that tells of it, the newest to the first that does, and only within half a minute", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  const now = Date.now();
  t.recorder.read(asker, "a", { durationMs: 1, sizeBytes: 0 });
  t.recorder.read(asker, "a", { durationMs: 20, sizeBytes: 0 });
  t.recorder.read(asker, "b", { durationMs: 300, sizeBytes: 0 });
  // Other credentials of the team, and other tools, tell nothing of it.
  t.recorder.report(askerOf(t.team.id, { tokenId: "tok_2" }), null, [clientEvent({ sessionId: "other" })]);
  t.recorder.report({ ...asker, tool: "nx" }, null, [clientEvent({ sessionId: "other" })]);
  t.recorder.report(asker, null, [clientEvent({ sessionId: "first" }), clientEvent({ sessionId: "second" })]);
  await t.recorder.flush(now + 29_000);
  expect(await savedBySession(t)).toEqual({ first: 20, second: 1 });
  await t.recorder.flush(now + 40_000);
  t.recorder.report(asker, null, [clientEvent({ sessionId: "late", hash: "b" })]);
  await t.recorder.close();
  expect(await savedBySession(t)).toEqual({ first: 20, second: 1, none: 300 });
  expect(await t.totals()).toMatchObject({ remoteHits: 3, savedMs: 321 });
});

test("what waits is what no session has taken, and what is yet to be written", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  for (const hash of ["a", "b", "c"]) t.recorder.read(asker, hash);
  expect(t.recorder.waiting).toBe(3);
  t.recorder.report(asker, null, [clientEvent({ event: "MISS", hash: "b" })]);
  expect(t.recorder.waiting).toBe(3);
  await t.recorder.flush();
  expect(t.recorder.waiting).toBe(2);
  await t.recorder.close();
  expect(t.recorder.waiting).toBe(0);
});

test("an upload goes to the run whose miss it mends, however long the task took and whatever was reported first", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  const kept = { durationMs: 10, sizeBytes: 1 };
  t.recorder.read(asker, "quick");
  t.recorder.read(asker, "slow");
  t.recorder.upload(asker, "quick", kept);
  t.recorder.report(asker, null, [
    clientEvent({ event: "MISS", hash: "quick" }),
    clientEvent({ event: "MISS", hash: "slow" }),
  ]);
  await t.recorder.flush(Date.now() + 3_600_000);
  t.recorder.upload(asker, "slow", kept);
  t.recorder.upload(asker, "unasked", kept);
  await t.recorder.close();
  const runs = await allRuns(t.database);
  const uploads = runs.map(({ sessionId, uploads }) => [sessionId, uploads]);
  expect(uploads.sort()).toEqual([
    [null, 1],
    ["s", 2],
  ]);
});

test("whoever tells of no session has a new run after a pause, and after a day", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id, { origin: { kind: "anonymous", id: "" }, tokenId: null });
  const readAt = (minutes: number) => {
    setSystemTime(startedAt + minutes * 60_000);
    t.recorder.read(asker, "a");
  };
  const startedAt = Date.parse("2026-11-20T10:00Z");
  for (const minutes of [0, 9, 18, 29]) readAt(minutes);
  for (let minutes = 100; minutes <= 100 + 25 * 60; minutes += 5) readAt(minutes);
  await t.recorder.close();
  const runs = await allRuns(t.database);
  const spans = runs.map((run) => [run.startedAt - startedAt, run.lastEventAt - startedAt]);
  expect(spans.map((times) => times.map((time) => time / 60_000))).toEqual([
    [1_540, 1_600],
    [100, 1_535],
    [29, 29],
    [0, 18],
  ]);
});

test("whoever is anonymous reports nothing", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id, { origin: { kind: "anonymous", id: "" }, tokenId: null });
  t.recorder.read(asker, "a", { durationMs: 5, sizeBytes: 1 });
  t.recorder.report(asker, null, [clientEvent({}), clientEvent({ source: "LOCAL", durationMs: 9 })]);
  await t.recorder.close();
  expect(await savedBySession(t)).toEqual({ none: 5 });
});

test("times that no task takes are cut to a day", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  const durationMs = Number.MAX_SAFE_INTEGER;
  t.recorder.read(asker, "a", { durationMs, sizeBytes: 0 });
  t.recorder.upload(asker, "b", { durationMs, sizeBytes: 0 });
  t.recorder.refusedUpload(asker, "c", durationMs);
  t.recorder.report(asker, null, [clientEvent({ source: "LOCAL", durationMs })]);
  await t.recorder.close();
  const day = 86_400_000;
  expect(await t.totals()).toMatchObject({ remoteSavedMs: day, localSavedMs: day, missedMs: 2 * day });
});

test("listeners hear to whose figures each flush has added, and which runs have changed", async () => {
  await using t = await openTestUsage();
  const other = await t.teams.create({ slug: "other" });
  const heard: FlushedUsage[] = [];
  const end = t.recorder.subscribe((usage) => heard.push(usage));
  await t.recorder.flush();
  expect(heard).toEqual([]);
  t.recorder.report(askerOf(t.team.id), null, [clientEvent({ source: "LOCAL", durationMs: 5 })]);
  t.recorder.report(askerOf(other.id), null, [clientEvent({ source: "LOCAL", durationMs: 7 })]);
  await t.recorder.flush();
  t.recorder.report(askerOf(other.id), null, [clientEvent({ source: "LOCAL", event: "MISS" })]);
  await t.recorder.flush();
  end();
  t.recorder.report(askerOf(other.id), null, [clientEvent({ source: "LOCAL" })]);
  await t.recorder.flush();

  const idOf = new Map((await allRuns(t.database)).map(({ id, teamId }) => [teamId, id]));
  const changed = ({ id: teamId }: { id: string }) => ({ id: idOf.get(teamId) as number, teamId });
  expect(heard.map(({ runs }) => runs)).toEqual([[changed(t.team), changed(other)], [changed(other)]]);
  expect(heard.map(({ teamIds }) => [...teamIds])).toEqual([[t.team.id, other.id], [other.id]]);
});

test("what is told from an untrusted scope is in its runs, and in no sum", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id, { scope: "pr-1" });
  t.recorder.read(asker, "own", { durationMs: 10_000, sizeBytes: 3, scope: "pr-1" });
  t.recorder.read(asker, "trusted", { durationMs: 7, sizeBytes: 4, scope: "" });
  t.recorder.read(asker, "miss");
  t.recorder.upload(asker, "miss", { durationMs: 20_000, sizeBytes: 5 });
  t.recorder.refusedUpload(asker, "large", 30_000);
  t.recorder.report(asker, null, [
    clientEvent({ source: "LOCAL", event: "HIT", hash: "x", durationMs: 40_000 }),
    clientEvent({ source: "LOCAL", event: "MISS", hash: "y" }),
  ]);
  await t.recorder.close();
  expect(await t.totals()).toMatchObject({
    remoteHits: 2,
    remoteMisses: 1,
    remoteSavedMs: 7,
    downloadedBytes: 7,
    uploads: 1,
    uploadedBytes: 5,
    refusedUploads: 1,
    missedMs: 0,
    localHits: 0,
    localMisses: 0,
    savedMs: 7,
  });
  const told = (await allRuns(t.database)).find(({ sessionId }) => sessionId === "s");
  expect(told).toMatchObject({ scope: "pr-1", localHits: 1, localMisses: 1, localSavedMs: 40_000 });
});

test("the same hit or miss counts once in a session, as often as it is reported", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  const hit = clientEvent({ source: "LOCAL", durationMs: 5 });
  for (let round = 0; round < 3; round++) t.recorder.report(asker, null, [hit, hit]);
  t.recorder.report(asker, null, [{ ...hit, event: "MISS" }]);
  t.recorder.report(asker, null, [{ ...hit, sessionId: "t" }]);
  t.recorder.report(askerOf(t.team.id, { tokenId: "tok_2" }), null, [hit]);
  await t.recorder.close();
  expect(await t.totals()).toMatchObject({ localHits: 3, localMisses: 1, localSavedMs: 15 });
});

test("an origin reports 10,000 local events a minute; the rest is dropped, and others go on", async () => {
  await using t = await openTestUsage();
  const flood = askerOf(t.team.id);
  const other = askerOf(t.team.id, { tokenId: "tok_2" });
  setSystemTime(new Date("2026-11-20T12:00:00Z"));
  const events = Array.from({ length: 12_000 }, (_, index) =>
    clientEvent({ source: "LOCAL", hash: `h${index}` }),
  );
  t.recorder.report(flood, null, events);
  t.recorder.report(other, null, events.slice(0, 10));
  expect(t.recorder.dropped).toBe(2_000);
  setSystemTime(new Date("2026-11-20T12:01:00Z"));
  t.recorder.report(flood, null, events.slice(10_000));
  await t.recorder.close();
  const counted = (await allRuns(t.database)).map(({ localHits }) => localHits);
  expect(counted.sort((a, b) => a - b)).toEqual([10, 12_000]);
  setSystemTime();
});

async function savedBySession({ database }: { database: Database }): Promise<Record<string, number>> {
  return Object.fromEntries(
    (await allRuns(database)).map(({ sessionId, savedMs }) => [sessionId ?? "none", savedMs]),
  );
}
