import { afterEach, expect, setSystemTime, test } from "bun:test";
import { RefusalLog } from "../../src/audit/refusal-log.ts";
import type { Database } from "../../src/database/database.ts";
import { ann, openTestAudit } from "./test-audit.ts";

const noon = new Date("2026-11-20T12:00:00Z").getTime();
afterEach(() => void setSystemTime());

async function refuse(refusals: RefusalLog, times: number, about?: string): Promise<void> {
  await Promise.all(
    Array.from({ length: times }, () =>
      refusals.record(ann, { kind: "session.refuse", ...(about !== undefined && { target: about }) }, about),
    ),
  );
}

test("so many refusals in any minute are written down, and no more", async () => {
  await using t = openTestAudit();
  const refusals = new RefusalLog(t.database, 3);
  setSystemTime(noon);
  await refuse(refusals, 2);
  setSystemTime(noon + 40_000);
  await refuse(refusals, 5);
  expect(await t.rows()).toHaveLength(3);
  expect((await t.rows())[0]).toMatchObject({ kind: "session.refuse", actorName: ann.name });
  // Two of them are a minute old.
  setSystemTime(noon + 60_000);
  await refuse(refusals, 5);
  expect(await t.rows()).toHaveLength(5);
});

test("of those about the same, one in a minute is written down", async () => {
  await using t = openTestAudit();
  const refusals = new RefusalLog(t.database, 3);
  setSystemTime(noon);
  await refuse(refusals, 5, "bea@example.org");
  await refuse(refusals, 5, "");
  expect((await t.rows()).map(({ target }) => target)).toEqual(["bea@example.org", ""]);
  setSystemTime(noon + 60_000);
  await refuse(refusals, 1, "bea@example.org");
  expect(await t.rows()).toHaveLength(3);
});

test("after the clock was set back, refusals are written down as before", async () => {
  await using t = openTestAudit();
  const refusals = new RefusalLog(t.database, 1);
  setSystemTime(noon);
  await refuse(refusals, 1);
  setSystemTime(noon - 3_600_000);
  await refuse(refusals, 1);
  expect(await t.rows()).toHaveLength(2);
});

test("each group has its own minute, and its next row tells how many were left out", async () => {
  await using t = openTestAudit();
  const refusals = new RefusalLog(t.database, 2);
  const inGroup = (group: string, about: string) =>
    refusals.record(ann, { kind: "artifact.refuse", target: about, details: { group } }, about, group);
  setSystemTime(noon);
  for (const about of ["a", "a", "b", "c"]) await inGroup("red", about);
  await inGroup("blue", "a");
  setSystemTime(noon + 60_000);
  for (const about of ["d", "e"]) await inGroup("red", about);
  expect((await t.rows()).map(({ target, details }) => [target, details])).toEqual([
    ["a", { group: "red" }],
    ["b", { group: "red", leftOut: 1 }],
    ["a", { group: "blue" }],
    ["d", { group: "red", leftOut: 1 }],
    ["e", { group: "red" }],
  ]);
});

test("of more groups than are remembered, those of the last minute stay", async () => {
  await using t = openTestAudit();
  const refusals = new RefusalLog(t.database, 1);
  const inGroup = (group: string) => refusals.record(ann, { kind: "artifact.refuse" }, undefined, group);
  const leftOut = async () => (await t.rows()).at(-1)?.details?.leftOut;
  setSystemTime(noon);
  for (let times = 0; times < 2; times++) await inGroup("old");
  setSystemTime(noon + 60_000);
  for (let times = 0; times < 2; times++) await inGroup("first");
  await Promise.all(Array.from({ length: 1_100 }, (_, index) => inGroup(`group ${index}`)));
  await inGroup("first");
  expect(await t.rows()).toHaveLength(2 + 1_100);
  await inGroup("old");
  expect(await leftOut()).toBeUndefined();
  setSystemTime(noon + 119_999);
  await inGroup("first");
  expect(await t.rows()).toHaveLength(3 + 1_100);
  setSystemTime(noon + 120_000);
  await inGroup("first");
  expect(await leftOut()).toBe(3);
});

test("a row that cannot be written takes no other's place, and is told of as left out", async () => {
  await using t = openTestAudit();
  let isBroken = true;
  const write: Database["write"] = (...args) =>
    isBroken ? Promise.reject(new Error("no disk")) : t.database.write(...args);
  const refusals = new RefusalLog({ write } as Database, 1);
  setSystemTime(noon);
  await expect(refuse(refusals, 1, "a")).rejects.toThrow("no disk");
  isBroken = false;
  await refuse(refusals, 1, "a");
  expect((await t.rows()).map(({ target, details }) => [target, details])).toEqual([["a", { leftOut: 1 }]]);
});
