import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { serverActor } from "../../src/audit/audit-log.ts";
import { isUntrusted } from "../../src/cache/books.ts";
import { recencyLagMs } from "../../src/cache/recency.ts";
import { artifacts } from "../../src/database/schema.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

const hour = 3_600_000;
const day = 24 * hour;
const scope = "pr-1";
const announced = { isAnnounced: true };

function ten(letter: string): string {
  return letter.repeat(10);
}

/** Puts ten bytes under each letter, the first used longest ago. */
async function fill(t: TestCache, letters: string, scope = ""): Promise<void> {
  for (const [index, letter] of [...letters].entries()) {
    await t.put(letter, ten(letter), { scope, ...announced });
    await t.setLastUsed(letter, Date.now() - (100 - index) * hour);
  }
}

/** A body that sends one byte and then nothing until it ends with an error. */
async function* stalling(end: Promise<never>): AsyncIterable<Uint8Array> {
  yield new Uint8Array(1);
  await end;
}

const limits = [
  ["the server's limit", { maxSizeBytes: 100 }, {}],
  ["the team's quota", {}, { quotaBytes: 100 }],
  ["a quota that refuses", {}, { quotaBytes: 100, quotaRule: "refuse" }],
] as const;

describe.each(limits)("at %s", (_, serverLimits, teamLimits) => {
  test("what is untrusted goes first, however lately it was used", async () => {
    await using t = await openTestCache(teamLimits, serverLimits);
    await fill(t, "abcdef");
    await fill(t, "xyz", scope);
    await t.setLastUsed("x", Date.now());
    await t.put("new", "n".repeat(30), announced);
    const left = await t.hashes();
    expect(left).toEqual(expect.arrayContaining(["a", "b", "c", "d", "e", "f", "new"]));
    expect(left).not.toContain("y");
  });

  test("nothing trusted ever goes for untrusted uploads, whatever they store and share", async () => {
    const step = fc.record({
      isTrusted: fc.boolean(),
      hash: fc.constantFrom(..."abcdefghijkl"),
      scope: fc.constantFrom("pr-1", "pr-2"),
      // Few contents, so that the untrusted often hold the bytes of the trusted.
      content: fc.constantFrom(..."ABCDEFGHIJKL"),
      sizeBytes: fc.integer({ min: 4, max: 14 }),
    });
    // There each round of the evictor takes a second, and most steps take two.
    const isSlow = "maxSizeBytes" in serverLimits;
    const enoughAt = performance.now() + 60_000;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        await using t = await openTestCache(teamLimits, serverLimits);
        for (const hash of "abcdefgh") await t.put(hash, ten(hash.toUpperCase()), announced);
        const trusted = async () =>
          (await t.cache.query({ teamId: t.team.id, tool: "turbo", scope: "" }, [..."abcdefghijkl"])).size;
        for (const { isTrusted, hash, scope, content, sizeBytes } of steps) {
          if (performance.now() > enoughAt) break;
          const before = await trusted();
          const stored = await t
            .put(hash, content.repeat(sizeBytes), { ...announced, scope: isTrusted ? "" : scope })
            .then(
              () => true,
              async (error) => {
                // The others wait for room only where what is trusted leaves none, and nothing else is left that could go.
                if (isSlow && !isTrusted && error.code === "no_space") {
                  expect((await heldBytes(t)).sizeBytes + sizeBytes).toBeGreaterThan(100);
                  expect(await untrusted(t)).toEqual([]);
                } else expect(error.code).toBeOneOf(["too_large", "larger_than_quota", "team_over_limit"]);
                return false;
              },
            );
          await t.cache.evictor.makeRoom();
          if (!isTrusted) expect(await trusted()).toBe(before);
          // The trusted are turned away only where all that is left is trusted and may not go.
          if (isTrusted && !stored) {
            expect(teamLimits).toHaveProperty("quotaRule", "refuse");
            const { sizeBytes: held } = await heldBytes(t);
            expect(held + sizeBytes).toBeGreaterThan(100);
          }
        }
      }),
      { numRuns: isSlow ? 2 : 10, endOnFailure: true },
    );
  }, 120_000);
});

/** What is stored in the scopes, by hash. */
async function untrusted(t: TestCache): Promise<string[]> {
  const rows = await t.database.read.select().from(artifacts).where(isUntrusted);
  return rows.map(({ hash }) => hash);
}

/** What the trusted artifacts take, each blob once. */
async function heldBytes(t: TestCache): Promise<{ sizeBytes: number }> {
  const found = await t.cache.query({ teamId: t.team.id, tool: "turbo", scope: "" }, [..."abcdefghijkl"]);
  const blobs = new Map([...found.values()].map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  return { sizeBytes: [...blobs.values()].reduce((total, one) => total + one, 0) };
}

describe("untrusted uploads", () => {
  test("wait at the server's limit for room that something trusted leaves", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    await fill(t, "abcdefghi");
    await t.put("j", "j".repeat(5), announced);
    const waiting = t.put("x", ten("x"), { scope, ...announced });
    while (t.cache.capacity.excessBytes() === 0) await new Promise((resolve) => setImmediate(resolve));
    await t.cache.evictor.makeRoom();
    expect(await t.hashes()).toEqual([..."abcdefghij"]);
    await t.cache.purge({ teamId: t.team.id, hash: "b" }, serverActor);
    await waiting;
    expect(await t.hashes()).toEqual([..."acdefghijx"]);
  });

  test("go all of them before anything trusted, if those that went first shared their bytes with it", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    for (const letter of "abcd") {
      await t.put(`copy-${letter}`, ten(letter), { scope, ...announced });
      await t.setLastUsed(`copy-${letter}`, 1);
    }
    await fill(t, "x", scope);
    await fill(t, "abcdefgh");
    await t.put("new", "n".repeat(20), announced);
    expect(await t.hashes()).toEqual([..."abcdefgh", "new"]);
  });

  test.each(limits)("are not worth a trusted one at %s, and are told so", async (_, server, team) => {
    await using t = await openTestCache(team, server);
    await fill(t, "abcdefghi");
    await t.put("j", "j".repeat(5), announced);
    const refused = await t.put("big", "x".repeat(11), { scope, ...announced }).catch((error) => error);
    expect(refused).toMatchObject({
      code: "quotaBytes" in team ? "larger_than_quota" : "too_large",
      message: expect.stringContaining("untrusted"),
    });
    if ("quotaBytes" in team) {
      const noRoom = await t.put("new", ten("x"), { scope, ...announced }).catch((error) => error);
      expect(noRoom.code).toBe("quotaRule" in team ? "team_over_limit" : "larger_than_quota");
    }
    expect(await t.hashes()).toEqual([..."abcdefghij"]);
    // Nor do clients of the team hear that it is full for what a stranger could not store.
    expect(await t.cache.isTeamFull(t.team.id)).toBe(false);
  });

  test.each(limits)(
    "that announce much and send little hold no trusted one up at %s",
    async (_, server, team) => {
      await using t = await openTestCache(team, server);
      const gone = Promise.withResolvers<never>();
      const stalled = Array.from({ length: 20 }, (_, index) =>
        t.putFrom(`s${index}`, stalling(gone.promise), 5, scope).catch((error) => error),
      );
      await t.put("new", "n".repeat(90), announced);
      // It has waited neither for one of them to end, nor until those that wait themselves gave up.
      expect(new Set(stalled.map(Bun.peek.status))).toEqual(new Set(["pending"]));
      gone.reject(new DOMException("gone", "AbortError"));
      for (const one of await Promise.all(stalled)) expect(one).toMatchObject({ code: expect.any(String) });
      expect(await t.hashes()).toEqual(["new"]);
      expect(t.cache.capacity.reservedBytes).toBe(0);
    },
    120_000,
  );

  test("leave most of what is free on the disk to others", async () => {
    await using t = await openTestCache();
    const free = await t.storage.freeBytes();
    const refused = t.cache.capacity.reserve(0, Math.floor(free / 2), false).catch((error) => error);
    expect(await refused).toMatchObject({ code: "no_space" });
    const trusted = await t.cache.capacity.reserve(0, Math.floor(free / 2));
    trusted.settle(0);
  });

  test("make room for trusted ones where the quota would refuse them, and nobody is told that it is full", async () => {
    await using t = await openTestCache({ quotaBytes: 100, quotaRule: "refuse" });
    await fill(t, "ab");
    await fill(t, "stuvwxyz", scope);
    expect(await t.cache.isTeamFull(t.team.id)).toBe(false);
    await t.put("new", "n".repeat(80), announced);
    expect(await t.hashes()).toEqual(["a", "b", "new"]);
    expect(await t.cache.isTeamFull(t.team.id)).toBe(true);
  });
});

describe("the age of scopes", () => {
  test("ends what was not used for longer, and touches nothing trusted", async () => {
    await using t = await openTestCache({}, { scopeMaxAgeMs: 14 * day });
    const now = Date.now();
    await fill(t, "ab");
    await fill(t, "xyz", scope);
    await t.setLastUsed("a", now - 400 * day);
    await t.setLastUsed("x", now - 14 * day - recencyLagMs - 1);
    // It may have been used a moment later than the books say.
    await t.setLastUsed("y", now - 14 * day - recencyLagMs + 60_000);
    expect(await t.cache.evictor.countTooOld(now)).toBe(1);
    expect(await t.cache.evictor.expire(now)).toBe(1);
    expect(await t.hashes()).toEqual(["a", "b", "y", "z"]);
  });

  test("counts once what is too old for its team as well", async () => {
    await using t = await openTestCache({ maxAgeMs: 2 * day }, { scopeMaxAgeMs: day, maxAgeMs: 5 * day });
    await fill(t, "x", scope);
    await t.setLastUsed("x", 1);
    expect(await t.cache.evictor.countTooOld()).toBe(1);
    expect(await t.cache.evictor.expire()).toBe(1);
  });

  test("may be without end", async () => {
    await using t = await openTestCache({}, { scopeMaxAgeMs: undefined });
    await fill(t, "x", scope);
    await t.setLastUsed("x", 1);
    expect(await t.cache.evictor.expire()).toBe(0);
  });
});
