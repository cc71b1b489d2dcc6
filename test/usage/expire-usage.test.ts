import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { events, runs, usageHours, usageTeamHours } from "../../src/database/schema.ts";
import { expireEvents, expireHours, expireRuns } from "../../src/usage/expire-usage.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { addUses, askerOf, hourUse, openTestUsage } from "./test-usage.ts";

const now = Date.parse("2026-11-20T12:00Z");
const day = 86_400_000;

async function withEvents(ages: readonly number[]) {
  const t = await openTestUsage();
  const facts = { runId: 1, kind: 0, hash: "a", durationMs: 0 };
  await t.database.write(async (tx) => {
    for (let start = 0; start < ages.length; start += 1_000) {
      const some = ages.slice(start, start + 1_000);
      await tx.insert(events).values(some.map((ageMs) => ({ ...facts, createdAt: now - ageMs })));
    }
  });
  return { ...t, left: async () => (await t.database.read.select().from(events)).map(({ id }) => id) };
}

test("events go when they are too old, however many, and no others", async () => {
  const ages = [...Array(4_100).fill(2 * day), ...Array(5).fill(day - 1)];
  await using t = await withEvents(ages);
  await expireEvents(t.database, { maxAgeMs: day }, { now, signal: AbortSignal.abort() });
  expect(await t.left()).toHaveLength(4_105);
  await expireEvents(t.database, { maxAgeMs: day }, { now });
  expect(await t.left()).toEqual([4_101, 4_102, 4_103, 4_104, 4_105]);
  await expireEvents(t.database, { maxAgeMs: day }, { now: now + day });
  expect(await t.left()).toEqual([]);
});

test("runs go when nothing came to them for so long, and of too many the oldest", async () => {
  await using t = await openTestUsage();
  const facts = {
    teamId: t.team.id,
    tool: "turbo",
    originKind: "token" as const,
    originId: "t",
    tokenId: "t",
    actorName: "ci",
    scope: "",
  };
  await t.database.write(async (tx) => {
    for (const [startedAt, lastEventAt] of [
      [now - 9 * day, now - 2 * day],
      [now - 8 * day, now],
      [now - 2, now],
      [now - 1, now],
    ] as const) {
      await tx.insert(runs).values({ ...facts, startedAt, lastEventAt });
    }
  });
  const left = async () => (await t.database.read.select().from(runs)).map(({ id }) => id);
  await expireRuns(t.database, { maxAgeMs: day }, { now });
  expect(await left()).toEqual([2, 3, 4]);
  await expireRuns(t.database, { maxAgeMs: day, atMost: 2 }, { now });
  expect(await left()).toEqual([3, 4]);
});

test("of too many runs those go that a team has beyond its share, and none of a team that has less", async () => {
  await using t = await openTestUsage();
  const teamIds = new Map([["default", t.team.id]]);
  for (const slug of ["flooding", "busy"]) teamIds.set(slug, (await t.teams.create({ slug })).id);
  const add = async (slug: string, ages: readonly number[]) => {
    const facts = {
      teamId: teamIds.get(slug) as string,
      tool: "turbo",
      originKind: "token" as const,
      originId: "t",
      tokenId: "t",
      actorName: slug,
      scope: "",
    };
    await t.database.write(async (tx) => {
      for (const age of ages)
        await tx.insert(runs).values({ ...facts, startedAt: now - age, lastEventAt: now - age });
    });
  };
  // A flood comes after all that is there, and gets many ids, as those that have gone since did.
  await add("default", [30_000, 20_000]);
  await add("busy", [10_000, 9_000, 8_000, 7_000, 6_000]);
  await t.database.write(
    async (tx) => void (await tx.run(sql`update sqlite_sequence set seq = 50000 where name = 'runs'`)),
  );
  await add(
    "flooding",
    Array.from({ length: 40 }, (_, index) => index),
  );
  const left = async () =>
    (await t.database.read.select().from(runs)).map(
      ({ actorName, startedAt }) => `${actorName} ${now - startedAt}`,
    );
  await expireRuns(t.database, { maxAgeMs: day, atMost: 47 }, { now });
  expect(await left()).toHaveLength(47);
  await expireRuns(t.database, { maxAgeMs: day, atMost: 12 }, { now });
  const quiet = ["default 30000", "default 20000"];
  const busy = ["busy 10000", "busy 9000", "busy 8000", "busy 7000", "busy 6000"];
  expect(await left()).toEqual([
    ...quiet,
    ...busy,
    "flooding 0",
    "flooding 1",
    "flooding 2",
    "flooding 3",
    "flooding 4",
  ]);
  await expireRuns(t.database, { maxAgeMs: day, atMost: 8 }, { now });
  expect(await left()).toEqual([...quiet, ...busy.slice(2), "flooding 0", "flooding 1", "flooding 2"]);
});

test("sums of hours go after 90 days", async () => {
  await using t = await openTestUsage();
  const ages = [400, 91, 90, 89];
  await addUses(
    t.database,
    ages.map((days) => hourUse(askerOf(t.team.id), now - days * day, { uploads: 1 })),
  );
  await expireHours(t.database, { now });
  for (const table of [usageHours, usageTeamHours]) {
    const left = await t.database.read.select().from(table);
    expect(left.map(({ startAt }) => (now - startAt) / day).sort()).toEqual([89, 90]);
  }
  const span = usageSpan(now - 500 * day, now, now);
  expect(await t.history.totals({ span })).toMatchObject({ uploads: 4 });
  expect(await t.history.byOrigin({ span }, 1)).toMatchObject([{ id: "tok_1", uploads: 4 }]);
});

test("of an hour with very many sums all go, and none of an hour that stays", async () => {
  await using t = await openTestUsage();
  const facts = { teamId: t.team.id, tool: "turbo", originKind: "token" as const };
  const fill = (startAt: number, origins: number) =>
    t.database.write(async (tx) => {
      const rows = Array.from({ length: origins }, (_, origin) => ({
        ...facts,
        startAt,
        originId: `t${origin}`,
      }));
      for (let first = 0; first < origins; first += 500)
        await tx.insert(usageHours).values(rows.slice(first, first + 500));
    });
  await fill(now - 91 * day, 4_100);
  await fill(now - 90 * day, 3);
  await expireHours(t.database, { now, signal: AbortSignal.abort() });
  expect(await t.database.read.$count(usageHours)).toBe(4_103);
  await expireHours(t.database, { now });
  expect(await t.database.read.$count(usageHours)).toBe(3);
});
