import { expect, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { countPurge, type PurgeFilter, purge } from "../../src/cache/purge.ts";
import { fill } from "./many-artifacts.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

const artifacts = 45_000;

async function openFilled(): Promise<TestCache> {
  const t = await openTestCache();
  fill(t, artifacts);
  return t;
}

/** With how many turns the event loop has taken meanwhile. */
async function counted(t: TestCache, filter: PurgeFilter) {
  let turns = 0;
  let isCounted = false;
  const turn = () => {
    turns++;
    if (!isCounted) setImmediate(turn);
  };
  setImmediate(turn);
  const totals = await countPurge(t.database, filter);
  isCounted = true;
  return { totals, turns };
}

test("what would go is counted a step at a time, each blob once, and others have their turn in between", async () => {
  await using t = await openFilled();
  const { totals, turns } = await counted(t, { teamId: t.team.id });
  expect(totals).toEqual({ artifacts, freed: { blobs: artifacts / 2, sizeBytes: 10 * (artifacts / 2) } });
  expect(turns).toBeGreaterThanOrEqual(5);
});

test("a blob is freed only if all that point at it would go, however far they lie apart", async () => {
  await using t = await openFilled();
  const { id: teamId } = t.team;
  const inBothHalves = { teamId, writtenAfter: artifacts / 2 - 9 };
  expect((await counted(t, inBothHalves)).totals).toEqual({
    artifacts: artifacts / 2 + 10,
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
  const all = { ...filter, writtenBefore: artifacts + 1 };
  expect((await counted(t, all)).totals.freed.blobs).toBe(artifacts / 2);
  expect((await counted(t, filter)).totals).toEqual({ artifacts: 100, freed: { blobs: 0, sizeBytes: 0 } });
  expect(await purge(t.database, filter, serverActor)).toBe(100);
  expect((await counted(t, filter)).totals.artifacts).toBe(0);
});
