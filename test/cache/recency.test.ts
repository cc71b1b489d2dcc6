import { describe, expect, setSystemTime, test } from "bun:test";
import { eq } from "drizzle-orm";
import { serverActor } from "../../src/audit/audit-log.ts";
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

  test("that could not be written is written the next time, with what came since", async () => {
    await using t = await openTestCache();
    const now = Date.now();
    await Promise.all(Array.from({ length: 1200 }, (_, index) => t.put(`h${index}`, "same")));
    const rows = await t.database.read.select().from(artifacts);
    let writesLeft = 1;
    const recency = new Recency({
      ...t.database,
      write: (work) => (writesLeft-- > 0 ? t.database.write(work) : Promise.reject(new Error("busy"))),
    });
    setSystemTime(now + hour);
    try {
      for (const row of rows.slice(1)) recency.touch(row);
      // The first statement of three is written.
      await expect(recency.flush()).rejects.toThrow("busy");
      recency.touch(rows[0] as (typeof rows)[number]);
      writesLeft = 100;
      await recency.flush();
      expect(100 - writesLeft).toBe(2);
      const after = await t.database.read.select().from(artifacts);
      expect(after.filter(({ lastUsedAt }) => lastUsedAt < now + hour)).toEqual([]);
    } finally {
      setSystemTime();
    }
  });

  test("is written when a flush ends, though another was under way when it was asked for", async () => {
    await using t = await openTestCache();
    for (const hash of ["a", "b"]) {
      await t.put(hash, hash);
      await t.setLastUsed(hash, 1);
    }
    const held = Promise.withResolvers<void>();
    let failures = 0;
    const recency = new Recency({
      ...t.database,
      async write(work) {
        await held.promise;
        if (failures-- > 0) throw new Error("busy");
        return await t.database.write(work);
      },
    });
    const isWritten = async () => [
      (await rowOf(t, "a")).lastUsedAt > 1,
      (await rowOf(t, "b")).lastUsedAt > 1,
    ];
    recency.touch(await rowOf(t, "a"));
    const first = recency.flush();
    await isWritten();
    const second = recency.flush();
    recency.touch(await rowOf(t, "b"));
    const third = recency.flush();
    await isWritten();
    expect([first, second, third].map(Bun.peek.status)).toEqual(["pending", "pending", "pending"]);
    // The first keeps what it could not write, and those after it write that, too.
    failures = 1;
    held.resolve();
    await expect(first).rejects.toThrow("busy");
    await second;
    expect((await isWritten())[0]).toBe(true);
    await third;
    expect(await isWritten()).toEqual([true, true]);
  });

  test("that comes while a flush takes long is kept in memory up to a limit, and written after it", async () => {
    const held = Promise.withResolvers<void>();
    let writes = 0;
    await using t = await openTestCache();
    const recency = new Recency({
      ...t.database,
      async write() {
        writes++;
        await held.promise;
        return undefined as never;
      },
    });
    recency.touch({ id: -1, lastUsedAt: 0 });
    const first = recency.flush();
    while (writes === 0) await Promise.resolve();
    for (let id = 0; id < 50_000; id++) recency.touch({ id, lastUsedAt: 0 });
    expect([writes, Bun.peek.status(first)]).toEqual([1, "pending"]);
    held.resolve();
    await recency.flush();
    // One for the first, and 20 000 in statements of 500.
    expect(writes).toBe(41);
  });

  test("that can never be written takes no more memory for that", async () => {
    await using t = await openTestCache();
    let isBusy = true;
    let writes = 0;
    const recency = new Recency({
      ...t.database,
      async write() {
        if (isBusy) throw new Error("busy");
        writes++;
        return undefined as never;
      },
    });
    for (let id = 0; id < 50_000; id++) {
      recency.touch({ id, lastUsedAt: 0 });
      if (id % 1000 === 999) await recency.flush().catch(() => {});
    }
    isBusy = false;
    await recency.flush();
    // 20 000 at most, in statements of 500.
    expect(writes).toBe(40);
  });

  test("of an artifact that has gone meanwhile harms nobody", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.setLastUsed("a", 1);
    await t.get("a");
    await t.cache.purge({ teamId: t.team.id }, serverActor);
    await t.cache.recency.flush();
    expect(await t.hashes()).toEqual([]);
  });
});
