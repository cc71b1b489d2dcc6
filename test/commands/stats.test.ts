import { expect, test } from "bun:test";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import { Teams } from "../../src/identity/teams.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { openWorld } from "../admin/world.ts";
import { startLarder } from "../larder.ts";
import { createTeam, TurboClient } from "../protocols/turbo/client.ts";
import { addUses, askerOf, clientEvent, hourUse } from "../usage/test-usage.ts";
import { openCli } from "./cli.ts";

const dayMs = 86_400_000;

const event = (hash: string, duration: number) => ({
  sessionId: "s",
  source: "LOCAL",
  event: "HIT",
  hash,
  duration,
});

test("larder stats says what came from the cache, what ran, and what that saved", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  const web = await createTeam(larder, "web");
  await client.get("a");
  await client.put("a", "12345678", { "x-artifact-duration": "3000" });
  await (await client.get("a")).text();
  await client.head("a");
  await client.query(["a"]);
  await client.get("a", { range: "bytes=4-" });
  await client.get("a", { range: "bytes=0-3" });
  await client.report([event("b", 60_000)]);
  await new TurboClient(larder.url, web.token).get("a");
  expect(await larder.stop()).toBe(0);

  const json = JSON.parse((await larder.cli("stats", "--json")).stdout);
  expect(json).toMatchObject({
    step: "hour",
    totals: {
      remoteHits: 2,
      remoteMisses: 2,
      localHits: 1,
      localMisses: 0,
      remoteSavedMs: 6_000,
      localSavedMs: 60_000,
      savedMs: 66_000,
      missedMs: 3_000,
      uploads: 1,
      uploadedBytes: 8,
      downloadedBytes: 16,
      refusedUploads: 0,
      hitRate: 0.6,
      hitRateByTime: 66 / 69,
    },
    before: { remoteHits: 0, hitRate: null },
    byTeam: [
      { team: "default", remoteHits: 2 },
      { team: "web", remoteMisses: 1 },
    ],
    byOrigin: [
      { kind: "token", name: "first start", uploads: 1 },
      { kind: "token", id: web.id, name: "web write" },
    ],
    isFirstHitSeen: true,
  });
  expect(json.series).toHaveLength(169);
  expect(json.series.at(-1).startAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00:00.000Z$/);
  expect(Date.parse(json.until) - Date.parse(json.since)).toBe(169 * 3_600_000);

  const { stdout, stderr } = await larder.cli("stats");
  expect(stdout).toContain("3 of 5 tasks (60%): 2 from this cache, 1 local");
  expect(stdout).toMatch(/^Time saved +1m 6s \(95\.7%\): 6s from this cache, 1m local +before 0ms$/m);
  expect(stdout).toMatch(/^DAY +HITS +RAN +HIT RATE/m);
  expect(stdout).toMatch(/^web +0 +1 +0%/m);
  expect(stdout).toMatch(/█{24}$/m);
  expect(stderr).toBe("");

  const ofWeb = JSON.parse((await larder.cli("stats", "--team", "web", "--since", "24h", "--json")).stdout);
  expect(ofWeb).toMatchObject({ totals: { remoteHits: 0, remoteMisses: 1 }, isFirstHitSeen: false });
  expect(ofWeb.byTeam).toBeUndefined();
  expect((await larder.cli("stats", "--team", "web")).stderr).toContain(
    "Nothing has come from this cache yet",
  );
}, 120_000);

test("larder stats has all that the API's overview has: how full it is, and what is wrong", async () => {
  await using world = await openWorld({ args: ["--max-size", "1GiB"] });
  const { admin, larder } = world;
  const { secret } = await admin.ok("POST", "/tokens", { team: "default", name: "ci", permission: "write" });
  await world.upload(secret, "default", "a", "12345678");
  await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("PATCH", "/teams/web", { state: "paused" });
  await admin.ok("PATCH", "/teams/default", { quotaBytes: 8 });
  const json = async (...args: string[]) => JSON.parse((await larder.cli("stats", "--json", ...args)).stdout);
  // Both shall be of the same hours, also where one ends meanwhile.
  const since = new Date(Date.now() - dayMs).toISOString();
  for (const [query, args] of [
    ["", []],
    ["&team=default", ["--team", "default"]],
  ] as const) {
    const ofApi = await admin.get(`/overview?since=${since}${query}`);
    const ofCommand = await json("--since", since, ...args);
    expect(Object.keys(ofCommand).sort()).toEqual(Object.keys(ofApi).sort());
    const { freeBytes, ...storage } = ofCommand.storage;
    expect(ofApi.storage).toMatchObject(storage);
    expect(storage.before.storedBytes).toBe(0);
    expect(freeBytes).toBeGreaterThan(0);
    expect(ofCommand.notices).toEqual(ofApi.notices);
    expect(ofCommand.notices).not.toEqual([]);
    expect(ofCommand.hasArtifacts).toBe(true);
  }
  expect((await json()).storage).toMatchObject({ storedBytes: 8, maxSizeBytes: 1024 ** 3, artifacts: 1 });
  expect((await json("--max-size", "2GiB")).storage.maxSizeBytes).toBe(2 * 1024 ** 3);

  const { stdout } = await larder.cli("stats");
  expect(stdout).toMatch(
    /^Storage +8B in 1 artifact, of 1GiB \(0\.1%\); \S+ free on the disk +8B more than at \d{4}-\d\d-\d\d \d\d:00$/m,
  );
  expect(stdout).toMatch(
    /^WARNING +Team web is paused\n +Its builds go on without.*\n +`larder team set web/m,
  );
  expect((await larder.cli("stats", "--team", "default")).stdout).toMatch(
    /^Storage +8B in 1 artifact, of 8B \(100%\);/m,
  );
}, 120_000);

test("larder stats says what to do first where nothing has happened yet", async () => {
  using cli = openCli();
  await cli.onData("team", "create", "web");
  expect(await cli.json("stats")).toMatchObject({ totals: { hitRate: null, savedMs: 0 }, byOrigin: [] });
  const { stdout, stderr } = await cli.larder(["stats", "--team", "web", "--data", cli.dataFolder]);
  expect(stdout).toContain("team web\n");
  expect(stdout).toContain("0 of 0 tasks");
  expect(stdout).not.toContain("CRITICAL");
  expect(stderr).toContain("`larder connect --team web` shows what to paste");
});

test("larder stats of a long time has a line for several days each", async () => {
  using cli = openCli();
  await cli.onData("team", "create", "web");
  {
    const database = openDataFolder(cli.dataFolder);
    const [team] = await new Teams(database, serverActor).list();
    const recorder = new UsageRecorder(database, pino({ level: "silent" }));
    recorder.read(askerOf(team?.id as string), "a", { durationMs: 5, sizeBytes: 1 });
    recorder.report(askerOf(team?.id as string, { name: "evil\u001b[31m" }), null, [clientEvent({})]);
    await recorder.close();
    const counters = { remoteHits: 1, remoteMisses: 1, remoteSavedMs: 4_000 };
    await addUses(database, [hourUse(askerOf(team?.id as string), Date.now() - 10 * dayMs, counters)]);
    await database.close();
  }
  expect(await cli.onData("stats")).toMatch(/^Hits .* before 50%\nTime saved .* before 4s\n/m);
  const year = await cli.onData("stats", "--since", "365d");
  expect(year.split("\n").filter((line) => /^\d{4}-\d\d-\d\d /.test(line))).toHaveLength(31);
  expect(year).toMatch(/^FROM +HITS/m);
  expect(year).not.toContain("\u001b");
  const day = await cli.onData("stats", "--since", "24h");
  expect(day.split("\n").filter((line) => /^\d{4}-\d\d-\d\d \d\d:00 /.test(line))).toHaveLength(25);
  expect(day).toMatch(/^HOUR +HITS/m);
});

test("larder stats refuses times and teams that are none, and says what would do", async () => {
  using cli = openCli();
  await cli.onData("team", "create", "web");
  expect(await cli.refused("stats", "--since", "soon")).toContain("a time ago such as 2h or 7d");
  expect(await cli.refused("stats", "--since", "2999-01-01")).toContain("lies in the future");
  expect(await cli.refused("stats", "--since", "1999-01-01")).toContain("Name a later `since`");
  expect(await cli.refused("stats", "--team", "nobody")).toContain('There is no team "nobody"');
});
