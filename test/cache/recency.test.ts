import { describe, expect, setSystemTime, test } from "bun:test";
import { eq } from "drizzle-orm";
import { Recency } from "../../src/cache/recency.ts";
import { artifacts } from "../../src/database/schema.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

const hour = 3_600_000;

async function rowOf(t: TestCache, hash: string) {
  const [row] = await t.database.read.select().from(artifacts).where(eq(artifacts.hash, hash));
  return row as { id: number; lastUsedAt: number };
}

describe("recency", () => {
  test("is that of the upload, and of a download once it is written down", async () => {
    await using t = await openTestCache();
    const startedAt = Date.now();
    await t.put("a", "hello");
    expect((await rowOf(t, "a")).lastUsedAt).toBeGreaterThanOrEqual(startedAt);

    await t.setLastUsed("a", startedAt - hour);
    await t.get("a");
    expect((await rowOf(t, "a")).lastUsedAt).toBe(startedAt - hour);
    await t.cache.recency.flush();
    expect((await rowOf(t, "a")).lastUsedAt).toBeGreaterThanOrEqual(startedAt);
  });

  test("is untouched by a query and by a miss", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.setLastUsed("a", 1);
    await t.cache.query({ teamId: t.team.id, tool: "turbo", scope: "" }, ["a"]);
    await t.get("b");
    await t.cache.recency.flush();
    expect((await rowOf(t, "a")).lastUsedAt).toBe(1);
  });

  test("is written once for many downloads, and not at all for those soon after the last", async () => {
    await using t = await openTestCache();
    const now = Date.now();
    for (const hash of ["a", "b"]) await t.put(hash, hash);
    await t.setLastUsed("a", now - hour);
    await t.setLastUsed("b", now - 30_000);
    let writes = 0;
    const write = t.database.write.bind(t.database);
    const recency = new Recency({
      ...t.database,
      write: (work) => {
        writes++;
        return write(work);
      },
    });
    for (let round = 0; round < 50; round++) {
      for (const hash of ["a", "b"]) recency.touch(await rowOf(t, hash));
    }
    await recency.flush();
    await recency.flush();
    expect(writes).toBe(1);
    expect((await rowOf(t, "a")).lastUsedAt).toBeGreaterThanOrEqual(now);
    expect((await rowOf(t, "b")).lastUsedAt).toBe(now - 30_000);
  });

  test("of more artifacts than one statement takes is written whole", async () => {
    await using t = await openTestCache();
    await Promise.all(Array.from({ length: 1200 }, (_, index) => t.put(`h${index}`, "same")));
    setSystemTime(Date.now() + hour);
    try {
      const now = Date.now();
      for (const row of await t.database.read.select().from(artifacts)) t.cache.recency.touch(row);
      await t.cache.recency.flush();
      const rows = await t.database.read.select().from(artifacts);
      expect(rows.filter(({ lastUsedAt }) => lastUsedAt < now)).toEqual([]);
    } finally {
      setSystemTime();
    }
  });

  test("of an artifact that has gone meanwhile harms nobody", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.setLastUsed("a", 1);
    await t.get("a");
    await t.cache.purge({ teamId: t.team.id });
    await t.cache.recency.flush();
    expect(await t.hashes()).toEqual([]);
  });
});
