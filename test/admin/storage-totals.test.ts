import { expect, test } from "bun:test";
import { StorageTotals } from "../../src/admin/storage-totals.ts";
import { blobs } from "../../src/database/schema.ts";
import { fill } from "../cache/many-artifacts.ts";
import { openTestCache } from "../cache/test-cache.ts";

test("few artifacts are counted whenever somebody asks, without those that are damaged", async () => {
  await using t = await openTestCache();
  const totals = new StorageTotals(t.database, t.storage);
  expect(await totals.artifactsOf(undefined)).toBe(0);
  for (const hash of ["a", "b", "c"]) await t.put(hash, hash);
  expect([await totals.artifactsOf(undefined), await totals.artifactsOf([t.team.id])]).toEqual([3, 3]);
  expect(await totals.artifactsOf(["team_other"])).toBe(0);
  await t.database.write((tx) => tx.update(blobs).set({ quarantinedAt: 1 }));
  expect(await totals.artifactsOf([t.team.id])).toBe(0);
});

test("many are counted once and remembered, and the same as all others see them", async () => {
  await using t = await openTestCache();
  fill(t, 6_000);
  let counts = 0;
  const storage = Object.assign(Object.create(t.storage), {
    inQuarantine: () => {
      counts++;
      return t.storage.inQuarantine();
    },
  });
  const totals = new StorageTotals(t.database, storage);
  for (const teamIds of [undefined, [t.team.id], undefined])
    expect(await totals.artifactsOf(teamIds)).toBe(6_000);
  expect((await totals.read()).teams[0]?.artifacts).toBe(6_000);
  expect(counts).toBe(1);
});
