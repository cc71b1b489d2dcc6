import { describe, expect, spyOn, test } from "bun:test";
import { rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { serverActor } from "../../src/audit/audit-log.ts";
import { trustedScope } from "../../src/cache/artifact.ts";
import type { PurgeFilter } from "../../src/cache/purge.ts";
import { artifacts, blobs } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

function blobPath(test: TestCache, content: string): string {
  const sha256 = new Bun.CryptoHasher("sha256").update(content).digest("hex");
  return join(test.folder, "blobs", sha256.slice(0, 2), sha256);
}

const errorsIn = (test: TestCache) => test.logged.filter((line) => Number(line.level) >= 50);

describe("cache", () => {
  test("gives back bytes and facts, and misses what was never put", async () => {
    await using t = await openTestCache();
    const facts = { durationMs: 12, tag: "t", sha: "s", dirtyHash: "d" };
    await t.put("a", "hello", { facts });
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    const found = await t.cache.get(key, (artifact) => artifact);
    expect(found).toMatchObject({ ...facts, hash: "a", sizeBytes: 5 });
    expect(await t.get("a")).toBe("hello");
    expect(await t.get("b")).toBeUndefined();
  });

  test("replaces bytes and facts together", async () => {
    await using t = await openTestCache();
    await t.put("a", "old", { facts: { tag: "old", sha: "old" } });
    await t.put("a", "new", { facts: { tag: "new" } });
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    const found = await t.cache.get(key, (artifact) => artifact);
    expect(found).toMatchObject({ tag: "new", sha: null });
    expect(await t.get("a")).toBe("new");
  });

  test("stores equal bytes once, for all hashes and teams", async () => {
    await using t = await openTestCache();
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    await Promise.all(Array.from({ length: 16 }, (_, index) => t.put(`h${index}`, "same")));
    await t.put("h0", "same", { team: other });
    expect(await t.blobFiles()).toHaveLength(1);
    expect(await t.database.read.select().from(blobs)).toHaveLength(1);
    expect(await t.database.read.select().from(artifacts)).toHaveLength(17);
  });

  test("keeps teams and tools apart", async () => {
    await using t = await openTestCache();
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    await t.put("a", "mine");
    expect(await t.get("a", other)).toBeUndefined();
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    expect(await t.cache.get({ ...key, tool: "nx" }, (artifact) => artifact)).toBeUndefined();
    expect((await t.cache.query({ ...key, tool: "nx" }, ["a"])).size).toBe(0);
  });

  test("does as a plain map does, whatever is put and read in whatever order", async () => {
    await using t = await openTestCache();
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    const hash = fc.constantFrom("a", "b", "c");
    const team = fc.constantFrom(t.team, other);
    const content = fc.string({ maxLength: 8 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant("put" as const), hash, team, content }),
      fc.record({ kind: fc.constant("get" as const), hash, team }),
      fc.record({ kind: fc.constant("collect" as const) }),
    );
    const model = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const one of steps) {
          if (one.kind === "put") {
            await t.put(one.hash, one.content, { team: one.team });
            model.set(one.team.id + one.hash, one.content);
          } else if (one.kind === "get") {
            expect(await t.get(one.hash, one.team)).toBe(model.get(one.team.id + one.hash) as string);
          } else {
            await t.cache.collector.collect({ graceMs: 0 });
          }
        }
      }),
      { numRuns: 40 },
    );
    await t.cache.collector.collect({ graceMs: 0 });
    expect(await t.blobFiles()).toHaveLength(new Set(model.values()).size);
    expect(errorsIn(t)).toEqual([]);
  });

  test("answers a query for thousands of hashes with just those that it has", async () => {
    await using t = await openTestCache();
    await t.put("h7", "seven", { facts: { durationMs: 7 } });
    await t.put("h2999", "late");
    const hashes = Array.from({ length: 3000 }, (_, index) => `h${index}`);
    const found = await t.cache.query({ teamId: t.team.id, tool: "turbo", scope: trustedScope }, hashes);
    expect([...found.keys()].sort()).toEqual(["h2999", "h7"]);
    expect(found.get("h7")).toMatchObject({ sizeBytes: 5, durationMs: 7 });
  });

  test("leaves what was there when an upload fails", async () => {
    await using t = await openTestCache();
    await t.put("a", "good");
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(3));
        controller.error(new DOMException("gone", "AbortError"));
      },
    });
    const facts = {
      durationMs: 1,
      tag: null,
      sha: null,
      dirtyHash: null,
      clientCi: null,
      clientInteractive: null,
    };
    const failed = t.cache.put(key, { ...facts, writtenBy: null }, { body: broken });
    expect(await failed.catch((error) => error)).toMatchObject({ code: "aborted" });
    expect(await t.get("a")).toBe("good");
    expect(await t.blobFiles()).toHaveLength(1);
  });

  test("keeps nothing of an upload for a team that has been deleted meanwhile", async () => {
    await using t = await openTestCache();
    const gone = { ...t.team, id: "team_gone" };
    expect(await t.put("a", "late", { team: gone }).catch((error) => error)).toMatchObject({
      code: "unauthorized",
    });
    expect(await t.blobFiles()).toEqual([]);
    expect(await t.database.read.select().from(blobs)).toEqual([]);
  });
});

describe("write-once", () => {
  test("refuses other bytes under a hash, and takes the same ones without changing a fact", async () => {
    await using t = await openTestCache({ overwrite: "never" });
    await t.put("a", "first", { facts: { tag: "first" } });
    const refused = await t.put("a", "second").catch((error) => error);
    expect(refused).toMatchObject({ code: "conflict" });
    await t.put("a", "first", { facts: { tag: "first", durationMs: 1, writtenBy: "tok_b" } });
    await t.put("a", "first", { facts: { durationMs: 1 } });
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    const found = await t.cache.get(key, (artifact) => artifact);
    expect(found).toMatchObject({ tag: "first", durationMs: 0 });
    expect(await t.get("a")).toBe("first");
    expect(await t.blobFiles()).toHaveLength(1);
  });

  test("takes a signature of the same bytes where there was none, and refuses another", async () => {
    await using t = await openTestCache({ overwrite: "never" });
    const facts = () => t.cache.query({ teamId: t.team.id, tool: "turbo", scope: trustedScope }, ["a"]);
    await t.put("a", "first");
    await t.put("a", "first", { facts: { tag: "signed", durationMs: 7 } });
    expect((await facts()).get("a")).toMatchObject({ tag: "signed", durationMs: 0 });
    const other = { tag: "by another key", durationMs: 8 };
    expect(await t.put("a", "first", { facts: other }).catch((error) => error)).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("another signature"),
    });
    expect(await t.put("a", "second", { facts: { tag: "signed" } }).catch((error) => error)).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("other bytes"),
    });
    expect((await facts()).get("a")).toMatchObject({ tag: "signed", durationMs: 0 });
    expect(await t.get("a")).toBe("first");
  });

  test("keeps the first writer's facts when the same bytes are signed, for purges to go by", async () => {
    await using t = await openTestCache({ overwrite: "never" });
    await t.put("a", "first", { facts: { writtenBy: "tok_first", durationMs: 3, sha: "s" } });
    const longAgo = 1_000;
    await t.database.write(async (tx) => void (await tx.update(artifacts).set({ createdAt: longAgo })));
    const rows = () => t.database.read.select().from(artifacts);
    const [before] = await rows();
    const signer = { tag: "signed", writtenBy: "tok_signer", durationMs: 7, sha: "other", dirtyHash: "d" };
    await t.put("a", "first", { facts: signer });
    expect(await rows()).toEqual([{ ...before, tag: "signed" } as never]);
    const purge = (filter: Omit<PurgeFilter, "teamId">) =>
      t.cache.purge({ teamId: t.team.id, ...filter }, serverActor);
    expect(await purge({ writtenBy: ["tok_signer"] })).toBe(0);
    expect(await purge({ writtenAfter: longAgo + 1 })).toBe(0);
    expect(await purge({ writtenBy: ["tok_first"] })).toBe(1);
  });

  test("lets a quarantined artifact be replaced", async () => {
    await using t = await openTestCache({ overwrite: "never" });
    await t.put("a", "first");
    rmSync(blobPath(t, "first"));
    expect(await t.get("a")).toBeUndefined();
    await t.put("a", "second");
    expect(await t.get("a")).toBe("second");
  });
});

describe("a blob that is damaged on the disk", () => {
  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["cut short", (path: string) => truncateSync(path, 1)],
  ])("is a miss for all that point at it when it is %s, is logged once, and heals", async (_, damage) => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("b", "hello");
    damage(blobPath(t, "hello"));
    expect(await t.get("a")).toBeUndefined();
    expect(await Promise.all([t.get("a"), t.get("b"), t.get("b")])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(errorsIn(t)).toHaveLength(1);
    await t.put("a", "hello");
    expect(await t.get("a")).toBe("hello");
    expect(await t.get("b")).toBe("hello");
  });

  test("is no hit in a query either", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    rmSync(blobPath(t, "hello"));
    const space = { teamId: t.team.id, tool: "turbo", scope: trustedScope };
    expect((await t.cache.query(space, ["a"])).size).toBe(0);
    expect((await t.cache.query(space, ["a"])).size).toBe(0);
  });

  test("is not quarantined when the upload that mends it comes first", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    rmSync(blobPath(t, "hello"));
    // The reader finds nothing, and before it can do anything about it the upload is complete.
    const read = t.storage.read.bind(t.storage);
    const looked = Promise.withResolvers<void>();
    const mended = Promise.withResolvers<void>();
    spyOn(t.storage, "read").mockImplementationOnce(async (sha256, sizeBytes, use) => {
      const found = await read(sha256, sizeBytes, use);
      looked.resolve();
      await mended.promise;
      return found;
    });
    const reading = t.get("a");
    await looked.promise;
    await t.put("a", "hello");
    mended.resolve();
    expect(await reading).toBeUndefined();
    expect(await t.get("a")).toBe("hello");
    expect(errorsIn(t)).toEqual([]);
  });

  test("is mended by an upload that comes while it is quarantined, since that waits for its turn", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    rmSync(blobPath(t, "hello"));
    const steps: string[] = [];
    const { quarantine, receive } = t.storage;
    const quarantining = Promise.withResolvers<void>();
    const received = Promise.withResolvers<void>();
    spyOn(t.storage, "quarantine").mockImplementationOnce(async (sha256) => {
      quarantining.resolve();
      await received.promise;
      // The upload would go on in this turn of the event loop if nothing held it.
      await new Promise((turned) => setImmediate(turned));
      await quarantine.call(t.storage, sha256);
      steps.push("quarantined");
    });
    spyOn(t.storage, "receive").mockImplementationOnce(async (body, limits) => {
      const blob = await receive.call(t.storage, body, limits);
      const publish = blob.publish.bind(blob);
      blob.publish = () => {
        steps.push("published");
        return publish();
      };
      received.resolve();
      return blob;
    });
    const reading = t.get("a");
    await Promise.race([quarantining.promise, reading]);
    await t.put("a", "hello");
    expect(await reading).toBeUndefined();
    expect(steps).toEqual(["quarantined", "published"]);
    expect(await t.get("a")).toBe("hello");
  });
});
