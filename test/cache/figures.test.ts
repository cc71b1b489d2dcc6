import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { storedTotals } from "../../src/cache/books.ts";
import { Evictions } from "../../src/cache/evictions.ts";
import { noFigures } from "./no-figures.ts";
import { openTestCache } from "./test-cache.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

test("an empty cache has figures, and nothing that never happened", async () => {
  await using it = await openTestCache();
  expect(await it.cache.figures()).toEqual({ ...noFigures, freeBytes: expect.any(Number) });
});

test("uploads count while they are under way and when they are kept, and not when they fail", async () => {
  await using it = await openTestCache();
  await it.put("a", "12345");
  await it.put("b", "678");
  async function* slow() {
    expect((await it.cache.figures()).uploadsUnderWay).toBe(1);
    expect((await it.cache.figures()).reservedBytes).toBeGreaterThan(0);
    yield new Uint8Array(4);
  }
  await expect(it.putFrom("c", slow(), 100)).rejects.toThrow();
  const { uploadsUnderWay, reservedBytes, kept, storedBytes } = await it.cache.figures();
  expect({ uploadsUnderWay, reservedBytes, storedBytes }).toEqual({
    uploadsUnderWay: 0,
    reservedBytes: 0,
    storedBytes: 8,
  });
  expect(kept.get("turbo")).toEqual({ artifacts: 2, sizeBytes: 8 });
});

test("whole downloads count, and neither misses nor looks", async () => {
  await using it = await openTestCache();
  await it.put("a", "12345");
  await it.get("a");
  await it.get("a");
  await it.get("b");
  const key = { teamId: it.team.id, tool: "turbo", scope: "", hash: "a" };
  await it.cache.get(key, (artifact) => artifact, { inParts: true });
  expect((await it.cache.figures()).sent.get("turbo")).toEqual({ artifacts: 2, sizeBytes: 10 });
});

test("what goes for room is counted with the age of its youngest, apart by trust", async () => {
  await using it = await openTestCache({}, { maxSizeBytes: 100 });
  await it.put("pr", "p".repeat(10), { scope: "pr-1" });
  await it.put("old", "o".repeat(40));
  await it.put("young", "y".repeat(40));
  const now = Date.now();
  await it.setLastUsed("pr", now - 1_000);
  await it.setLastUsed("old", now - 10 * dayMs);
  await it.setLastUsed("young", now - 2 * dayMs);
  await it.put("new", "n".repeat(90));
  const { evicted, youngestEvicted } = await it.cache.figures();
  expect(evicted.room).toEqual({ artifacts: 3, sizeBytes: 90 });
  const within = (ageMs: number | undefined, expectedMs: number) => {
    expect(ageMs).toBeGreaterThanOrEqual(expectedMs);
    expect(ageMs).toBeLessThan(expectedMs + 60_000);
  };
  within(youngestEvicted.trusted.lastRoundMs, 2 * dayMs);
  within(youngestEvicted.trusted.dayMs, 2 * dayMs);
  within(youngestEvicted.untrusted.lastRoundMs, 1_000);
});

test("what goes for a quota, and for its age, is counted as such", async () => {
  await using it = await openTestCache({ quotaBytes: 100 }, { maxAgeMs: dayMs });
  await it.put("a", "a".repeat(60));
  await it.put("b", "b".repeat(60));
  await it.setLastUsed("b", Date.now() - 2 * dayMs);
  await it.cache.evictor.expire();
  const { evicted } = await it.cache.figures();
  expect(evicted.quota).toEqual({ artifacts: 1, sizeBytes: 60 });
  expect(evicted.age).toEqual({ artifacts: 1, sizeBytes: 60 });
  expect(evicted.room).toEqual({ artifacts: 0, sizeBytes: 0 });
});

test("quarantined blobs count until they are mended or collected, also across a restart", async () => {
  await using it = await openTestCache();
  await it.put("a", "first");
  await it.put("b", "second");
  for (const name of await it.blobFiles())
    writeFileSync(join(it.folder, "blobs", name.slice(0, 2), name), "rotten");
  const before = await it.cache.figures();
  expect(before.verify.startedAt).toBeUndefined();
  await it.cache.verifier.verify();
  const rotten = await it.cache.figures();
  expect(rotten).toMatchObject({ quarantinedBlobs: 2, quarantinedEver: 2, storedBytes: 0 });
  expect(await storedTotals(it.database)).toEqual({ storedBytes: 0, quarantinedBlobs: 2 });
  expect(rotten.verify).toMatchObject({ blobs: 2, sizeBytes: 11 });
  expect(rotten.verify.completedAt).toBeGreaterThanOrEqual(rotten.verify.startedAt as number);

  await it.put("a", "first");
  expect(await it.cache.figures()).toMatchObject({ quarantinedBlobs: 1, quarantinedEver: 2, storedBytes: 5 });

  await it.put("b", "another");
  expect((await it.cache.figures()).releasedBlobs).toBe(1);
  await it.cache.collector.collect({ graceMs: 0 });
  expect(await it.cache.figures()).toMatchObject({ quarantinedBlobs: 0, releasedBlobs: 0, storedBytes: 12 });
});

test("a round of verification that is stopped is not a complete one", async () => {
  await using it = await openTestCache();
  await it.put("a", "first");
  await it.cache.verifier.verify({ signal: AbortSignal.abort() });
  const { verify } = await it.cache.figures();
  expect(verify.startedAt).toBeDefined();
  expect(verify.completedAt).toBeUndefined();
});

test("the least age of a day forgets what was longer ago", () => {
  const evictions = new Evictions();
  const start = 1_000 * dayMs;
  evictions.endRound("trusted", start - 5_000, start);
  evictions.endRound("trusted", start + 2 * hourMs - 60_000, start + 2 * hourMs);
  evictions.endRound("trusted", undefined, start + 3 * hourMs);
  expect(evictions.youngest("trusted", start + 3 * hourMs)).toEqual({ lastRoundMs: 60_000, dayMs: 5_000 });
  expect(evictions.youngest("trusted", start + 25 * hourMs).dayMs).toBe(60_000);
  expect(evictions.youngest("trusted", start + 27 * hourMs)).toEqual({
    lastRoundMs: 60_000,
    dayMs: undefined,
  });
  // A clock that was set back leaves nothing behind that never ends.
  expect(evictions.youngest("trusted", start - 100 * hourMs).dayMs).toBeUndefined();
});
