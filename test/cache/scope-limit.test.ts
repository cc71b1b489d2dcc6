import { describe, expect, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { Teams } from "../../src/identity/teams.ts";
import { bodyOf, bytes } from "../storage/blob-storage-contract.ts";
import { noFacts, openTestCache, type TestCache } from "./test-cache.ts";

const few = { maxPerScope: 4 };

async function usedBytes(t: TestCache): Promise<number> {
  return (await new Teams(t.database, serverActor).get(t.team.id)).usedBytes;
}

async function fill(t: TestCache, scope: string, hashes: string[]) {
  for (const [index, hash] of hashes.entries()) {
    await t.put(hash, hash, { scope });
    await t.setLastUsed(hash, 1_000 + index);
  }
}

describe("an untrusted scope that is full", () => {
  test("lets its own least recently used artifact go for a new one, and nobody else's", async () => {
    await using t = await openTestCache({}, few);
    await fill(t, "", ["t1", "t2", "t3", "t4", "t5", "t6"]);
    await fill(t, "pr-2", ["o1", "o2", "o3", "o4"]);
    await fill(t, "pr-1", ["a", "b", "c", "d"]);
    await t.setLastUsed("a", 9_000);
    await t.put("e", "e", { scope: "pr-1" });
    const kept = ["a", "c", "d", "e", "o1", "o2", "o3", "o4", "t1", "t2", "t3", "t4", "t5", "t6"];
    expect(await t.hashes()).toEqual(kept);
  });

  test("takes an artifact that it has already again without letting go of any", async () => {
    await using t = await openTestCache({}, few);
    await fill(t, "pr-1", ["a", "b", "c", "d"]);
    await t.put("b", "other bytes", { scope: "pr-1" });
    expect(await t.hashes()).toEqual(["a", "b", "c", "d"]);
  });

  test("never has more than the limit, and books that are right, though all have the same bytes", async () => {
    await using t = await openTestCache({}, { maxPerScope: 300 });
    const hashes = Array.from({ length: 700 }, (_, index) => `h${index}`);
    await Promise.all(hashes.map((hash) => t.put(hash, "x", { scope: "pr-1" })));
    const kept = await t.hashes();
    // Three go at a time, so that not each upload beyond the limit pays for it.
    expect(kept.length).toBeGreaterThan(297);
    expect(kept.length).toBeLessThanOrEqual(300);
    expect(await t.get(kept[0] as string, t.team, "pr-1")).toBe("x");
    expect(await usedBytes(t)).toBe(1);
  });

  test("is counted again after artifacts have gone otherwise, and after an upload that failed", async () => {
    await using t = await openTestCache({}, few);
    await fill(t, "pr-1", ["a", "b", "c", "d"]);
    await t.cache.purge({ teamId: t.team.id, hash: "b" }, serverActor);
    await t.put("e", "e", { scope: "pr-1" });
    expect(await t.hashes()).toEqual(["a", "c", "d", "e"]);
    // What was taken out for it is back, and one more fits in only when it goes again.
    const failed = await t.cache
      .put({ teamId: t.team.id, tool: "turbo", scope: "pr-1", hash: "f" }, noFacts, {
        body: bodyOf(bytes("f")),
        record: () => Promise.reject(new Error("not written down")),
      })
      .catch((error) => error.message);
    expect(failed).toBe("not written down");
    expect(await t.hashes()).toEqual(["a", "c", "d", "e"]);
    for (const hash of ["g", "h", "i"]) await t.put(hash, hash, { scope: "pr-1" });
    expect(await t.hashes()).toEqual(["e", "g", "h", "i"]);
  });

  test("of one artifact keeps its blob where the new one has the same bytes as the one that goes", async () => {
    await using t = await openTestCache({}, { maxPerScope: 1 });
    await t.put("a", "same", { scope: "pr-1" });
    await t.put("b", "same", { scope: "pr-1" });
    await t.cache.collector.collect({ graceMs: -1 });
    expect(await t.hashes()).toEqual(["b"]);
    expect(await t.get("b", t.team, "pr-1")).toBe("same");
    expect(await usedBytes(t)).toBe(4);
    await t.put("c", "other", { scope: "pr-1" });
    await t.cache.collector.collect({ graceMs: -1 });
    expect(await t.blobFiles()).toHaveLength(1);
    expect(await usedBytes(t)).toBe(5);
  });
});
