import { afterEach, expect, setSystemTime, test } from "bun:test";
import { policies, tokens } from "../../src/database/schema.ts";
import { noCounters, totalsOf } from "../../src/usage/counters.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { askerOf, clientEvent, openTestUsage } from "./test-usage.ts";

const hour = 3_600_000;
const day = 24 * hour;
const noon = Date.parse("2026-11-20T12:30Z");

afterEach(() => {
  setSystemTime();
});

test("rates are by tasks and by time, and there are none where nothing was asked for", () => {
  expect(totalsOf(noCounters())).toMatchObject({ hitRate: null, hitRateByTime: null, savedMs: 0 });
  const counters = {
    ...noCounters(),
    remoteHits: 3,
    localHits: 5,
    // Each of these asked the server next.
    localMisses: 5,
    remoteMisses: 2,
    remoteSavedMs: 600,
    localSavedMs: 300,
    missedMs: 100,
  };
  expect(totalsOf(counters)).toMatchObject({ hitRate: 0.8, hitRateByTime: 0.9, savedMs: 900 });
  expect(totalsOf({ ...noCounters(), remoteHits: 1 })).toMatchObject({ hitRate: 1, hitRateByTime: null });
  expect(totalsOf({ ...noCounters(), remoteMisses: 1, missedMs: 5 })).toMatchObject({
    hitRate: 0,
    hitRateByTime: 0,
  });
});

test("a series has a place for each step, also where nothing happened", async () => {
  await using t = await openTestUsage();
  const asker = askerOf(t.team.id);
  for (const ageMs of [3 * hour, 3 * hour - 1, 1 * hour, 30 * day]) {
    setSystemTime(noon - ageMs);
    t.recorder.read(asker, "a", { durationMs: 10, sizeBytes: 5 });
  }
  setSystemTime(noon);
  await t.recorder.close();
  const hours = await t.history.series({ span: usageSpan(noon - 4 * hour, noon) });
  expect(hours.map(({ startAt, remoteHits }) => [new Date(startAt).toISOString(), remoteHits])).toEqual([
    ["2026-11-20T08:00:00.000Z", 0],
    ["2026-11-20T09:00:00.000Z", 2],
    ["2026-11-20T10:00:00.000Z", 0],
    ["2026-11-20T11:00:00.000Z", 1],
    ["2026-11-20T12:00:00.000Z", 0],
  ]);
  const days = await t.history.series({ span: usageSpan(noon - 31 * day, noon) });
  expect(days).toHaveLength(32);
  expect(
    days.filter(({ remoteHits }) => remoteHits > 0).map(({ startAt, savedMs }) => [startAt, savedMs]),
  ).toEqual([
    [Date.parse("2026-10-21"), 10],
    [Date.parse("2026-11-20"), 30],
  ]);
});

test("figures can be had of some teams and one tool, by team and by origin, with the names that they have now", async () => {
  // In one hour, whatever the clock says.
  setSystemTime(noon);
  await using t = await openTestUsage();
  const web = await t.teams.create({ slug: "web" });
  const span = usageSpan(noon - day, noon + 1);
  const found = { durationMs: 10, sizeBytes: 5 };
  await t.database.write(async (tx) => {
    const facts = {
      teamId: t.team.id,
      name: "main",
      issuer: "i",
      audience: "a",
      claims: {},
      permission: "read" as const,
    };
    await tx.insert(policies).values({ id: "pol_1", ...facts, scope: "", tokenMaxAgeMs: 1, createdAt: 1 });
    const token = { teamId: web.id, name: "laptop", permission: "read" as const, createdAt: 1 };
    await tx.insert(tokens).values({ id: "tok_web", ...token, secretSha256: "x" });
  });
  const anybody = askerOf(t.team.id, { tokenId: null, origin: { kind: "anonymous", id: "" } });
  const environment = askerOf(t.team.id, {
    tokenId: null,
    origin: { kind: "environment", id: "TURBO_TOKEN" },
  });
  t.recorder.read(anybody, "a", found);
  t.recorder.read(anybody, "b");
  t.recorder.read(environment, "a", found);
  t.recorder.upload({ ...environment, tool: "nx" }, "c", { durationMs: 1, sizeBytes: 100 });
  for (const tokenId of ["tok_job1", "tok_job2"]) {
    t.recorder.upload(askerOf(t.team.id, { tokenId, origin: { kind: "policy", id: "pol_1" } }), "d", {
      durationMs: 1,
      sizeBytes: 300,
    });
  }
  t.recorder.report(askerOf(web.id, { tokenId: "tok_web" }), null, [clientEvent({ source: "LOCAL" })]);
  t.recorder.report(askerOf(web.id, { tokenId: "tok_gone" }), null, []);
  t.recorder.read(askerOf(web.id, { tokenId: "tok_gone" }), "e");
  await t.recorder.close();

  const origins = async (filter: object) =>
    (await t.history.byOrigin({ span, ...filter }, 20)).map(({ kind, name, uploadedBytes }) => [
      kind,
      name,
      uploadedBytes,
    ]);
  expect(await origins({})).toEqual([
    ["policy", "main", 600],
    ["environment", "TURBO_TOKEN", 100],
    ["anonymous", "anonymous", 0],
    ["token", "tok_gone", 0],
    ["token", "laptop", 0],
  ]);
  expect(await origins({ teamIds: [web.id] })).toEqual([
    ["token", "tok_gone", 0],
    ["token", "laptop", 0],
  ]);
  expect(await origins({ tool: "nx" })).toEqual([["environment", "TURBO_TOKEN", 100]]);
  expect(await t.history.byOrigin({ span }, 1)).toMatchObject([{ id: "pol_1", uploads: 2 }]);

  const teams = await t.history.byTeam({ span });
  expect(teams).toMatchObject([
    { team: "default", teamId: t.team.id, remoteHits: 2, uploadedBytes: 700 },
    { team: "web", remoteMisses: 1, localHits: 1 },
  ]);
  expect(await t.history.byTeam({ span, tool: "nx" })).toMatchObject([{ team: "default", uploads: 1 }]);
  expect(await t.history.totals({ span, teamIds: [t.team.id, web.id] })).toMatchObject({
    remoteHits: 2,
    localHits: 1,
  });
  expect(await t.history.totals({ span, teamIds: [] })).toEqual(totalsOf(noCounters()));
  expect(await t.history.totals({ span, teamIds: [web.id] })).toMatchObject({ remoteHits: 0, localHits: 1 });
});

test("the first hit of the server is known for good", async () => {
  await using t = await openTestUsage();
  const web = await t.teams.create({ slug: "web" });
  expect(await t.history.hasRemoteHit()).toBe(false);
  t.recorder.read(askerOf(t.team.id), "a");
  t.recorder.report(askerOf(t.team.id), null, [clientEvent({ source: "LOCAL" })]);
  await t.recorder.flush();
  expect(await t.history.hasRemoteHit()).toBe(false);
  t.recorder.read(askerOf(web.id), "a", { durationMs: 1, sizeBytes: 1 });
  await t.recorder.flush();
  expect(await t.history.hasRemoteHit()).toBe(true);
  expect([await t.history.hasRemoteHit([web.id]), await t.history.hasRemoteHit([t.team.id])]).toEqual([
    true,
    false,
  ]);
});
