import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { serverActor } from "../../src/audit/audit-log.ts";
import { countPurge, type PurgeFilter, purge } from "../../src/cache/purge.ts";
import type { Database, Queries } from "../../src/database/database.ts";
import { artifacts } from "../../src/database/schema.ts";
import { fill } from "./many-artifacts.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

const filled = 45_000;

async function openFilled(): Promise<TestCache> {
  const t = await openTestCache();
  fill(t, filled);
  return t;
}

/** With how many turns the event loop has taken meanwhile. */
async function withTurns<T>(work: Promise<T>): Promise<{ result: T; turns: number }> {
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await work;
  isOver = true;
  return { result, turns };
}

async function counted(t: TestCache, filter: PurgeFilter) {
  const { result, turns } = await withTurns(countPurge(t.database, filter));
  return { totals: result, turns };
}

/** With how many transactions it took. @param before what happens in each of them before its work. */
async function purged(
  t: TestCache,
  filter: PurgeFilter,
  before: (tx: Queries) => Promise<void> = async () => {},
) {
  let writes = 0;
  const watched: Database = Object.assign(Object.create(t.database), {
    write(work: Parameters<Database["write"]>[0]) {
      writes++;
      return t.database.write(async (tx) => {
        await before(tx);
        return await work(tx);
      });
    },
  });
  const { result, turns } = await withTurns(purge(watched, filter, serverActor));
  return { artifacts: result, turns, writes };
}

test("what would go is counted a step at a time, each blob once, and others have their turn in between", async () => {
  await using t = await openFilled();
  const { totals, turns } = await counted(t, { teamId: t.team.id });
  expect(totals).toEqual({ artifacts: filled, freed: { blobs: filled / 2, sizeBytes: 10 * (filled / 2) } });
  expect(turns).toBeGreaterThanOrEqual(5);
});

test("a blob is freed only if all that point at it would go, however far they lie apart", async () => {
  await using t = await openFilled();
  const { id: teamId } = t.team;
  const inBothHalves = { teamId, writtenAfter: filled / 2 - 9 };
  expect((await counted(t, inBothHalves)).totals).toEqual({
    artifacts: filled / 2 + 10,
    freed: { blobs: 10, sizeBytes: 100 },
  });
  expect((await counted(t, { teamId, hash: "h7" })).totals).toEqual({
    artifacts: 1,
    freed: { blobs: 0, sizeBytes: 0 },
  });
  expect((await counted(t, { teamId, hash: "none" })).totals.artifacts).toBe(0);
});

test("however many the writers are, what they share is freed, and purged", async () => {
  await using t = await openFilled();
  const writtenBy = Array.from({ length: 2_500 }, (_, index) => `tok_${index}`);
  const filter = { teamId: t.team.id, writtenBy, writtenBefore: 101 };
  const all = { ...filter, writtenBefore: filled + 1 };
  expect((await counted(t, all)).totals.freed.blobs).toBe(filled / 2);
  expect((await counted(t, filter)).totals).toEqual({ artifacts: 100, freed: { blobs: 0, sizeBytes: 0 } });
  expect(await purge(t.database, filter, serverActor)).toBe(100);
  expect((await counted(t, filter)).totals.artifacts).toBe(0);
});

test("what a purge is after is looked for a step at a time, and nobody's write waits for it", async () => {
  await using t = await openFilled();
  const { id: teamId } = t.team;
  const none = await purged(t, { teamId, hash: "none" });
  expect(none).toEqual({ artifacts: 0, turns: expect.any(Number), writes: 0 });
  expect(none.turns).toBeGreaterThanOrEqual(9);
  // Two in each of nine steps.
  expect(await purged(t, { writtenBy: ["tok_7"] })).toMatchObject({ artifacts: 18, writes: 9 });
  expect((await counted(t, { writtenBy: ["tok_7"] })).totals.artifacts).toBe(0);
});

test("a purge of one artifact by its whole key looks for no others", async () => {
  await using t = await openFilled();
  const key = { teamId: t.team.id, tool: "turbo", scope: "" };
  expect(await purged(t, { ...key, hash: "h7" })).toMatchObject({ artifacts: 1, writes: 1 });
  expect((await counted(t, key)).totals.artifacts).toBe(filled - 1);
});

test("what somebody else has written anew since it was found stays", async () => {
  await using t = await openFilled();
  const handOver = async (tx: Queries) => {
    await tx.update(artifacts).set({ writtenBy: "tok_1" }).where(eq(artifacts.hash, "h2507"));
  };
  expect((await purged(t, { writtenBy: ["tok_7"] }, handOver)).artifacts).toBe(17);
  expect((await counted(t, { teamId: t.team.id, hash: "h2507" })).totals.artifacts).toBe(1);
});
