import { describe, expect, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { takeOutTeam } from "../../src/cache/books.ts";
import { teamTotals } from "../../src/cache/totals.ts";
import { artifacts, blobs } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { bodyOf, bytes } from "../storage/blob-storage-contract.ts";
import { openTestCache } from "./test-cache.ts";

describe("collector", () => {
  test("removes the bytes that were replaced, and only those", async () => {
    await using t = await openTestCache();
    await t.put("a", "old");
    await t.put("b", "other");
    await t.put("a", "new");
    expect(await t.blobFiles()).toHaveLength(3);
    expect(await t.cache.collector.collect({ graceMs: 0 })).toEqual({ blobs: 1, sizeBytes: 3 });
    expect(await t.blobFiles()).toHaveLength(2);
    expect(await t.get("a")).toBe("new");
    expect(await t.get("b")).toBe("other");
  });

  test("leaves bytes alone that were let go of too recently", async () => {
    await using t = await openTestCache();
    await t.put("a", "old");
    await t.put("a", "new");
    expect(await t.cache.collector.collect({ graceMs: 60_000 })).toEqual({ blobs: 0, sizeBytes: 0 });
    expect(await t.blobFiles()).toHaveLength(2);
  });

  test("leaves bytes alone that another artifact points at, or that were put again", async () => {
    await using t = await openTestCache();
    await t.put("a", "shared");
    await t.put("b", "shared");
    await t.put("c", "again");
    await t.put("a", "new");
    await t.put("c", "new");
    await t.put("d", "again");
    expect(await t.cache.collector.collect({ graceMs: 0 })).toEqual({ blobs: 0, sizeBytes: 0 });
    expect(await t.get("b")).toBe("shared");
    expect(await t.get("d")).toBe("again");
    const candidates = (await t.database.read.select().from(blobs)).filter(
      (blob) => blob.releasedAt !== null,
    );
    expect(candidates).toEqual([]);
  });

  test("never takes bytes that are being put at the same time", async () => {
    await using t = await openTestCache();
    for (let round = 0; round < 20; round++) {
      await t.put("a", "contested");
      await t.put("a", `other ${round}`);
      await Promise.all([t.put("b", "contested"), t.cache.collector.collect({ graceMs: 0 })]);
      expect(await t.get("b")).toBe("contested");
      await t.put("b", `other ${round}`);
    }
  });

  test("undoes what a crash left between publishing and the books, and keeps what is in them", async () => {
    await using t = await openTestCache();
    await t.put("a", "kept");
    const lost = await t.storage.receive(bodyOf(bytes("lost")), { maxSizeBytes: 100 });
    await lost.publish();
    const again = await t.storage.receive(bodyOf(bytes("kept")), { maxSizeBytes: 100 });
    await again.publish();
    await t.cache.collector.recover();
    expect(await t.blobFiles()).toHaveLength(1);
    expect(await t.get("a")).toBe("kept");
  });

  test("takes more candidates than one batch holds", async () => {
    await using t = await openTestCache();
    const count = 250;
    await Promise.all(Array.from({ length: count }, (_, index) => t.put(`h${index}`, `old ${index}`)));
    await Promise.all(Array.from({ length: count }, (_, index) => t.put(`h${index}`, "new")));
    expect((await t.cache.collector.collect({ graceMs: 0 })).blobs).toBe(count);
    expect(await t.blobFiles()).toHaveLength(1);
  });
});

describe("purging a team", () => {
  test("takes out its artifacts, and the bytes that nobody else holds", async () => {
    await using t = await openTestCache();
    const teams = new Teams(t.database, serverActor);
    const leaving = await teams.create({ slug: "leaving" });
    await t.put("a", "own", { team: leaving });
    await t.put("b", "shared", { team: leaving });
    await t.put("b", "shared");
    expect(await teamTotals(t.database, leaving.id)).toEqual({ artifacts: 2, sizeBytes: 9 });

    await teams.delete("leaving", takeOutTeam);
    await t.cache.collector.collect({ graceMs: 0 });
    expect(await t.blobFiles()).toHaveLength(1);
    expect(await t.get("b")).toBe("shared");
    expect(await t.database.read.select().from(artifacts)).toHaveLength(1);
    expect(await teamTotals(t.database, leaving.id)).toEqual({ artifacts: 0, sizeBytes: 0 });
  });
});
