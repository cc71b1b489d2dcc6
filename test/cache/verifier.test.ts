import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { eq } from "drizzle-orm";
import { trustedScope } from "../../src/cache/artifact.ts";
import { audit, blobs } from "../../src/database/schema.ts";
import { bodyOf, bytes } from "../storage/blob-storage-contract.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

function nameOf(content: string): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}

function pathOf(t: TestCache, content: string): string {
  const name = nameOf(content);
  return join(t.folder, "blobs", name.slice(0, 2), name);
}

/** A file that no row knows, as a crash without a trace or a copied backup would leave it. */
function writeUnknown(t: TestCache, content: string): string {
  mkdirSync(dirname(pathOf(t, content)), { recursive: true });
  writeFileSync(pathOf(t, content), content);
  return nameOf(content);
}

async function rowOf(t: TestCache, content: string) {
  const rows = await t.database.read.select().from(blobs);
  return rows.find((blob) => blob.sha256 === nameOf(content));
}

const damages: [string, (path: string) => void, string[]][] = [
  ["rotten at the same size", (path) => writeFileSync(path, "hELLO"), [nameOf("hello")]],
  ["cut short", (path) => truncateSync(path, 2), [nameOf("hello")]],
  ["missing", (path) => rmSync(path), []],
];

describe("verifying", () => {
  test("finds nothing where all is sound, and counts what it read", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("b", "hello");
    await t.put("c", "world!");
    const seen: number[] = [];
    const report = await t.cache.verifier.verify({ onProgress: ({ sizeBytes }) => seen.push(sizeBytes) });
    expect(report).toEqual({ blobs: 2, sizeBytes: 11, rotten: [], unknown: [] });
    expect(seen).toEqual([5, 11]);
  });

  test.each(damages)("takes out a blob that is %s, and leaves the others", async (_, damage, kept) => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("b", "world!");
    damage(pathOf(t, "hello"));
    const report = await t.cache.verifier.verify();
    expect(report).toEqual({ blobs: 2, sizeBytes: 11, rotten: [nameOf("hello")], unknown: [] });
    expect([await t.get("a"), await t.get("b")]).toEqual([undefined, "world!"]);
    expect(readdirSync(join(t.folder, "quarantine"))).toEqual(kept);
    expect(t.cache.capacity.storedBytes).toBe(6);

    expect(await t.cache.verifier.verify()).toMatchObject({ blobs: 1, rotten: [] });
    await t.put("a", "hello");
    expect(await t.get("a")).toBe("hello");
    expect(t.cache.capacity.storedBytes).toBe(11);
    expect((await t.cache.verifier.verify()).rotten).toEqual([]);
  });

  test("removes a file that no row knows, and counts it nowhere", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    const unknown = writeUnknown(t, "nobody's");
    expect(await t.cache.verifier.verify()).toMatchObject({ blobs: 1, rotten: [], unknown: [unknown] });
    expect(await t.blobFiles()).toEqual([nameOf("hello")]);
    expect(t.cache.capacity.storedBytes).toBe(5);
    expect((await t.cache.verifier.verify()).unknown).toEqual([]);
  });

  test("leaves files alone that are no blobs", async () => {
    await using t = await openTestCache();
    const stray = join(t.folder, "blobs", "ab", "README");
    writeFileSync(stray, "not a blob");
    expect((await t.cache.verifier.verify()).unknown).toEqual([]);
    expect(existsSync(stray)).toBe(true);
  });

  test("never takes an upload that is being entered in the books for an unknown file", async () => {
    await using t = await openTestCache();
    const unknown = writeUnknown(t, "nobody's");
    const entering = Promise.withResolvers<void>();
    const discarding = Promise.withResolvers<void>();
    const key = { teamId: t.team.id, tool: "turbo", scope: trustedScope, hash: "a" };
    const facts = { durationMs: 0, tag: null, sha: null, dirtyHash: null };
    const put = t.cache.put(
      key,
      { ...facts, clientCi: null, clientInteractive: null, writtenBy: null },
      {
        body: bodyOf(bytes("hello")),
        // The file has its name by now, and its row is not there before this transaction ends.
        async authorize() {
          entering.resolve();
          await discarding.promise;
        },
      },
    );
    await entering.promise;
    const { collector } = t.cache;
    const asked: string[] = [];
    const discard = collector.discard.bind(collector);
    collector.discard = (names) => {
      asked.push(...names);
      const discarded = discard(names);
      discarding.resolve();
      return discarded;
    };
    const report = await t.cache.verifier.verify();
    // Its folder is the first to be looked into, when the row is certainly not there.
    expect(asked[0]).toBe(nameOf("hello"));
    await put;
    expect(report.unknown).toEqual([unknown]);
    expect(await t.get("a")).toBe("hello");
    expect(await t.blobFiles()).toEqual([nameOf("hello")]);
  });

  test("stops in the middle when it is asked to", async () => {
    await using t = await openTestCache();
    for (let index = 0; index < 5; index++) await t.put(`h${index}`, `content ${index}`);
    const unknown = writeUnknown(t, "nobody's");
    const stopping = new AbortController();
    const report = await t.cache.verifier.verify({
      signal: stopping.signal,
      onProgress: ({ blobs: read }) => read === 2 && stopping.abort(),
    });
    expect(report).toMatchObject({ blobs: 2, unknown: [] });
    expect(await t.blobFiles()).toContain(unknown);
  });

  test("reads no faster than it is told", async () => {
    await using t = await openTestCache();
    for (let index = 0; index < 4; index++) await t.put(`h${index}`, `${index}`.repeat(1000));
    const startedAt = performance.now();
    await t.cache.verifier.verify({ bytesPerSecond: 20_000 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
  });

  test("reads more blobs than one step has, each once", async () => {
    await using t = await openTestCache();
    await Promise.all(Array.from({ length: 450 }, (_, index) => t.put(`h${index}`, `content ${index}`)));
    expect(await t.cache.verifier.verify()).toMatchObject({ blobs: 450, rotten: [], unknown: [] });
  });
});

describe("verifying beside a server", () => {
  test.each(damages)("points out a blob that is %s, and touches nothing", async (_, damage) => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("b", "world!");
    const unknown = writeUnknown(t, "nobody's");
    damage(pathOf(t, "hello"));
    const filesBefore = await t.blobFiles();
    const report = await t.cache.verifier.verify({ onlyReport: true });
    expect(report).toEqual({ blobs: 2, sizeBytes: 11, rotten: [nameOf("hello")], unknown: [unknown] });
    expect(await t.blobFiles()).toEqual(filesBefore);
    expect(readdirSync(join(t.folder, "quarantine"))).toEqual([]);
    expect(await rowOf(t, "hello")).toMatchObject({ suspectedAt: expect.any(Number), quarantinedAt: null });
    expect(await rowOf(t, "world!")).toMatchObject({ suspectedAt: null });
    expect(t.cache.capacity.storedBytes).toBe(11);
  });

  test("has the server look for itself, which takes out what is rotten and clears what is sound", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("b", "world!");
    for (const content of ["hello", "world!"]) writeFileSync(pathOf(t, content), content.toUpperCase());
    await t.cache.verifier.verify({ onlyReport: true });
    // Mended in between.
    await t.put("b", "world!");
    writeFileSync(pathOf(t, "world!"), "world!");
    await t.cache.verifier.verifySuspects();
    expect([await t.get("a"), await t.get("b")]).toEqual([undefined, "world!"]);
    expect(await rowOf(t, "hello")).toMatchObject({ suspectedAt: null, quarantinedAt: expect.any(Number) });
    expect(await rowOf(t, "world!")).toMatchObject({ suspectedAt: null, quarantinedAt: null });
    expect(t.cache.capacity.storedBytes).toBe(6);
  });

  test("does not call missing what the server has let go of", async () => {
    await using t = await openTestCache();
    await t.put("a", "hello");
    await t.put("a", "other");
    rmSync(pathOf(t, "hello"));
    expect((await t.cache.verifier.verify({ onlyReport: true })).rotten).toEqual([]);
  });
});

describe("a round that somebody asks for", () => {
  const by = { kind: "user", id: "usr_1", name: "ann", address: null } as const;
  const slowly = { bytesPerSecond: 1, signal: new AbortController().signal };

  test("goes in the place of the one at leisure, and is written down, also with what it finds", async () => {
    await using t = await openTestCache();
    const { verifier } = t.cache;
    await t.put("a", "x".repeat(1_000));
    await t.put("b", "hello");
    writeFileSync(pathOf(t, "hello"), "hELLO");
    // It would take a quarter of an hour, and is in the middle of it.
    const atLeisure = verifier.verifyAtLeisure(slowly);
    while (verifier.progress.blobs === 0) await Bun.sleep(1);
    const { done } = await verifier.begin(undefined, by);
    expect(await verifier.verifyAtLeisure(slowly)).toMatchObject({ blobs: 0 });
    await atLeisure;
    await done;
    expect(verifier.progress).toMatchObject({ blobs: 2, sizeBytes: 1_005 });
    expect(verifier.progress.completedAt).toBeDefined();
    expect(await t.get("b")).toBeUndefined();
    const rows = await t.database.read.select().from(audit).where(eq(audit.kind, "storage.verify"));
    expect(rows).toMatchObject([
      { actorName: "ann", details: { bytesPerSecond: null } },
      { actorName: "ann", details: { blobs: 2, rotten: 1, beside: false } },
    ]);
  });

  test("gives way to another that somebody asks for, such as a quicker one", async () => {
    await using t = await openTestCache();
    const { verifier } = t.cache;
    for (const key of ["a", "b"]) await t.put(key, key.repeat(1_000));
    const slow = await verifier.begin(1, by);
    const quick = await verifier.begin(undefined, by);
    await Promise.all([slow.done, quick.done]);
    expect(verifier.progress).toMatchObject({ blobs: 2, sizeBytes: 2_000 });
    expect(verifier.progress.completedAt).toBeDefined();
  });

  test("ends with the server", async () => {
    await using t = await openTestCache();
    const { verifier } = t.cache;
    await t.put("a", "x".repeat(1_000));
    const { done } = await verifier.begin(1, by);
    await verifier.stop();
    await done;
    expect(verifier.progress.completedAt).toBeUndefined();
  });
});
