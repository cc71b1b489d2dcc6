import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { storageHistory, teamStorageHistory, teams } from "../../src/database/schema.ts";
import { expireHours } from "../../src/usage/expire-usage.ts";
import { StorageHistory } from "../../src/usage/storage-history.ts";
import { StorageRecorder } from "../../src/usage/storage-recorder.ts";
import { type UsageStep, usageSpan } from "../../src/usage/usage-span.ts";
import { openTestUsage } from "./test-usage.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** When the server began: 20 minutes past an hour. */
const began = Date.parse("2026-11-20T10:20Z");

/** A server that began then, with a clock that goes as it is told. */
async function openStored() {
  const t = await openTestUsage();
  const { database } = t;
  await database.write(async (tx) => void (await tx.update(teams).set({ createdAt: began })));
  let storedBytes = 0;
  const start = () => new StorageRecorder(database, () => storedBytes);
  let recorder = start();
  const history = new StorageHistory(database);
  return {
    ...t,
    /** What another process finds that begins now. */
    restart: () => {
      recorder = start();
    },
    record: (at: string | number) => recorder.record(new Date(at).getTime()),
    /** What a team comes to use; the server stores so much, too. */
    use: async (usedBytes: number, teamId = t.team.id) => {
      storedBytes = usedBytes;
      await database.write(
        async (tx) => void (await tx.update(teams).set({ usedBytes }).where(eq(teams.id, teamId))),
      );
    },
    /** As the server's history has it at a time, and the team's, which has to be the same. */
    at: async (at: string, now: string | number, teamId = t.team.id) => {
      const when = new Date(now).getTime();
      const server = await history.at(Date.parse(at), { sizeBytes: storedBytes }, when);
      const ofTeam = await history.at(Date.parse(at), { sizeBytes: storedBytes, teamId }, when);
      expect(ofTeam).toEqual(server);
      return server && `${server.sizeBytes} at ${new Date(server.at).toISOString().slice(0, 16)}`;
    },
    series: async (since: string, until: string, now: string, teamId?: string) => {
      const span = usageSpan(Date.parse(since), Date.parse(until), Date.parse(now));
      const stored = { sizeBytes: storedBytes, ...(teamId !== undefined && { teamId }) };
      return await history.series(span, stored, Date.parse(now));
    },
    endsOf: async (step?: UsageStep) =>
      (await database.read.select().from(storageHistory))
        .filter((row) => step === undefined || row.step === step)
        .map(({ endAt, storedBytes }) => `${new Date(endAt).toISOString().slice(8, 16)} ${storedBytes}`),
    rowsOf: async (teamId = t.team.id) =>
      (
        await database.read.select().from(teamStorageHistory).where(eq(teamStorageHistory.teamId, teamId))
      ).map(({ endAt, usedBytes }) => `${new Date(endAt).toISOString().slice(8, 16)} ${usedBytes}`),
  };
}

test("the end of each hour is written down, and of a team only what has changed", async () => {
  await using t = await openStored();
  await t.use(5);
  // Nobody knows what was there at ten.
  await t.record(began);
  await t.record(began + minute);
  expect(await t.endsOf()).toEqual([]);
  await t.record("2026-11-20T11:00:04Z");
  await t.use(7);
  await t.record("2026-11-20T11:30Z");
  await t.record("2026-11-20T12:00:01Z");
  await t.record("2026-11-20T13:00:01Z");
  await t.use(3);
  await t.record("2026-11-20T14:00:01Z");
  expect(await t.endsOf()).toEqual(["20T11:00 5", "20T12:00 7", "20T13:00 7", "20T14:00 3"]);
  expect(await t.rowsOf()).toEqual(["20T11:00 5", "20T12:00 7", "20T14:00 3"]);

  const now = "2026-11-20T14:30Z";
  expect(await t.at("2026-11-20T11:00Z", now)).toBe("5 at 2026-11-20T11:00");
  expect(await t.at("2026-11-20T13:00Z", now)).toBe("7 at 2026-11-20T13:00");
  expect(await t.at("2026-11-20T14:00Z", now)).toBe("3 at 2026-11-20T14:00");
  // It had not begun.
  expect(await t.at("2026-11-13T14:00Z", now)).toBe("0 at 2026-11-13T14:00");
});

test("what a server finds when it starts was there all the time since the last one ended", async () => {
  await using t = await openStored();
  await t.record(began);
  await t.use(5);
  await t.record("2026-11-20T11:00:04Z");
  // It went on until half past, and wrote nothing more.
  await t.use(9);
  // A command that only looks finds as much as a server that starts.
  expect(await t.at("2026-11-20T13:00Z", "2026-11-22T08:30Z")).toBe("9 at 2026-11-20T13:00");
  t.restart();
  await t.record("2026-11-22T08:30Z");
  await t.use(20);
  t.restart();
  await t.record("2026-11-22T08:40Z");
  expect(await t.endsOf()).toEqual(["20T11:00 5", "20T12:00 9", "21T00:00 9", "22T08:00 9"]);
  expect(await t.endsOf("day")).toEqual(["21T00:00 9"]);
  await t.record("2026-11-22T09:00:04Z");

  const now = "2026-11-22T09:30Z";
  expect(await t.at("2026-11-20T11:00Z", now)).toBe("5 at 2026-11-20T11:00");
  for (const gap of ["20T12:00", "20T18:00", "21T00:00", "22T00:00", "22T08:00"])
    expect(await t.at(`2026-11-${gap}Z`, now)).toBe(`9 at 2026-11-${gap}`);
  expect(await t.at("2026-11-22T09:00Z", now)).toBe("20 at 2026-11-22T09:00");
  expect(await t.series("2026-11-10T00:00Z", "2026-11-24T00:00Z", now)).toEqual([
    ...Array(10).fill(0),
    9,
    9,
    20,
    null,
  ]);
});

test("of a folder that is older than its history the oldest is told that is known, and nothing before the first hour has ended", async () => {
  await using t = await openStored();
  await t.use(5);
  const start = "2026-12-24T10:20Z";
  t.restart();
  await t.record(start);
  expect(await t.at("2026-12-24T10:00Z", start)).toBeUndefined();
  expect(await t.at("2026-12-17T10:00Z", start)).toBeUndefined();
  expect(await t.series("2026-12-24T08:00Z", "2026-12-24T11:00Z", start)).toEqual([null, null, 5]);
  // Another restart does not make it known.
  t.restart();
  await t.record("2026-12-24T10:40Z");
  expect(await t.endsOf()).toEqual([]);
  await t.record("2026-12-24T11:00:03Z");
  await t.use(8);
  expect(await t.at("2026-12-17T10:00Z", "2026-12-24T11:20Z")).toBe("5 at 2026-12-24T11:00");
  expect(await t.at("2026-11-20T10:00Z", "2026-12-24T11:20Z")).toBe("0 at 2026-11-20T10:00");
  expect(await t.series("2026-12-24T09:00Z", "2026-12-24T13:00Z", "2026-12-24T11:20Z")).toEqual([
    null,
    5,
    8,
    null,
  ]);
});

test("a team has nothing before it was created, and leaves nothing when it is deleted", async () => {
  await using t = await openStored();
  await t.record(began);
  await t.use(5);
  await t.record("2026-11-20T11:00:03Z");
  const web = await t.teams.create({ slug: "web" });
  const createdAt = Date.parse("2026-11-20T11:30Z");
  await t.database.write(
    async (tx) => void (await tx.update(teams).set({ createdAt }).where(eq(teams.id, web.id))),
  );
  await t.use(100, web.id);
  const now = "2026-11-20T12:30Z";
  const history = new StorageHistory(t.database);
  const ofWeb = (at: string) =>
    history.at(Date.parse(at), { sizeBytes: 100, teamId: web.id }, Date.parse(now));
  // Its hour has ended, and is not written down yet.
  expect((await ofWeb("2026-11-20T12:00Z"))?.sizeBytes).toBe(100);
  await t.record("2026-11-20T12:00:03Z");
  for (const [at, sizeBytes] of [
    ["2026-11-13T11:00Z", 0],
    ["2026-11-20T11:00Z", 0],
    ["2026-11-20T12:00Z", 100],
  ] as const)
    expect(await ofWeb(at)).toEqual({ at: Date.parse(at), sizeBytes });
  expect(await t.series("2026-11-20T09:00Z", "2026-11-20T12:00Z", now, web.id)).toEqual([0, 0, 100]);
  expect(await t.rowsOf(web.id)).toEqual(["20T12:00 100"]);

  await t.teams.delete("web", async () => {});
  expect(await t.rowsOf(web.id)).toEqual([]);
  expect(await t.rowsOf()).toEqual(["20T11:00 5"]);
  await t.record("2026-11-20T13:00:03Z");
  expect(await t.rowsOf(web.id)).toEqual([]);
});

test("days stay when the hours go, and say the same without them", async () => {
  await using t = await openStored();
  await t.record(began);
  const start = Date.parse("2026-11-20T11:00:03Z");
  // It goes up and down by the hour, and is 24 at each midnight but that of the third day, which ends with 1.
  for (let at = start, hours = 11; hours < 24 * 5; at += hour, hours++) {
    const isThirdDay = Math.floor((hours - 1) / 24) === 2;
    await t.use(isThirdDay ? 1 : ((hours - 1) % 24) + 1);
    await t.record(at);
  }
  const days = () => t.series("2026-11-16T00:00Z", "2026-11-25T00:00Z", "2026-11-25T00:00:03Z");
  const ofTeam = () => t.series("2026-11-16T00:00Z", "2026-11-25T00:00Z", "2026-11-25T00:00:03Z", t.team.id);
  const expected = [0, 0, 0, 0, 24, 24, 1, 24, 23];
  expect(await days()).toEqual(expected);
  expect(await ofTeam()).toEqual(expected);
  await expireHours(t.database, { now: Date.parse("2026-11-20T14:00Z") + 90 * day });
  expect((await t.endsOf()).slice(0, 2)).toEqual(["20T14:00 14", "20T15:00 15"]);
  await expireHours(t.database, { now: start + 100 * day });
  expect(await t.endsOf()).toEqual(["21T00:00 24", "22T00:00 24", "23T00:00 1", "24T00:00 24"]);
  expect(await t.rowsOf()).toEqual(await t.endsOf());
  expect((await days()).slice(0, 8)).toEqual(expected.slice(0, 8));
  expect((await ofTeam()).slice(0, 8)).toEqual(expected.slice(0, 8));
});

test("a clock that was set back, or far forward for a while, keeps nothing from being written", async () => {
  await using t = await openStored();
  await t.record(began);
  await t.use(5);
  await t.record("2026-11-20T13:00:03Z");
  await t.use(6);
  await t.record("2026-11-20T11:30Z");
  await t.record("2026-11-20T13:10Z");
  await t.record("2027-11-20T13:10Z");
  await t.use(7);
  await t.record("2026-11-20T13:20Z");
  await t.record("2026-11-20T14:00:03Z");
  await t.use(8);
  await t.record("2026-11-20T15:00:03Z");
  const now = "2026-11-20T15:30Z";
  expect(await t.at("2026-11-20T13:00Z", now)).toBe("5 at 2026-11-20T13:00");
  expect(await t.at("2026-11-20T15:00Z", now)).toBe("8 at 2026-11-20T15:00");
});
