import { describe, expect, setSystemTime, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { serverActor } from "../../src/audit/audit-log.ts";
import { takeOutTeam } from "../../src/cache/books.ts";
import { TeamRoom } from "../../src/cache/team-room.ts";
import { artifacts, blobs, teams } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { bytesOnDisk } from "../server/holdings.ts";
import { openTestCache, type TestCache } from "./test-cache.ts";

const hour = 3_600_000;
const announced = { isAnnounced: true };
const mebibyte = 1024 * 1024;

/** A body that sends one byte and then nothing until it ends with an error. */
async function* stalling(end: Promise<never>): AsyncIterable<Uint8Array> {
  yield new Uint8Array(1);
  await end;
}

/** Ten bytes that no other letter shares. */
function ten(letter: string): string {
  return letter.repeat(10);
}

/** Puts ten bytes under each letter, the first used longest ago, and all of them hours ago. */
async function fill(t: TestCache, letters: string, team = t.team): Promise<void> {
  for (const [index, letter] of [...letters].entries()) {
    await t.put(letter, ten(letter), { team, ...announced });
    await t.setLastUsed(letter, Date.now() - (100 - index) * hour, team);
  }
}

async function usedBytes(t: TestCache, team = t.team): Promise<number> {
  return (await new Teams(t.database, serverActor).get(team.id)).usedBytes;
}

describe("a cache at its limit", () => {
  test("lets go of what was used least recently, where a download is a use, and of no more than is needed", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    await fill(t, "abcdefghi");
    expect(await t.get("a")).toBe(ten("a"));
    await t.put("new", "n".repeat(20), announced);
    // What was stored and what came were 110 bytes, and the low mark is at 90.
    expect(await t.hashes()).toEqual(["a", "d", "e", "f", "g", "h", "i", "new"]);
    expect(t.cache.capacity.storedBytes).toBe(90);
    expect(await t.blobFiles()).toHaveLength(8);
  });

  test("makes room before it is full, while nobody waits", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    await fill(t, "abcdefghij");
    // The last put has begun it; this waits for the same round.
    await t.cache.evictor.makeRoom();
    expect(t.cache.capacity.storedBytes).toBe(90);
    expect(await t.hashes()).not.toContain("a");
  });

  test("gains nothing by letting go of shared bytes before the last that shares them goes", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    const shared = "s".repeat(50);
    await t.put("a", shared);
    await t.put("b", shared, { team: other });
    await fill(t, "xyz");
    await t.setLastUsed("a", 1);
    await t.setLastUsed("b", 2, other);
    expect(t.cache.capacity.storedBytes).toBe(80);
    await t.put("new", "n".repeat(40), announced);
    expect([await t.hashes(), await t.hashes(other)]).toEqual([["new", "x", "y", "z"], []]);
    expect(t.cache.capacity.storedBytes).toBe(70);
  });

  test("takes from teams what they have beyond their quota, before others lose anything", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    const greedy = await new Teams(t.database, serverActor).create({ slug: "greedy" });
    await fill(t, "abcde");
    await fill(t, "vwxy", greedy);
    await new Teams(t.database, serverActor).set("greedy", { quotaBytes: 30 });
    for (const letter of "vwxy") await t.setLastUsed(letter, Date.now(), greedy);
    await t.put("new", ten("n"), announced);
    await t.put("more", ten("m"), announced);
    await t.cache.evictor.makeRoom();
    expect(await t.hashes(greedy)).toEqual(["w", "x", "y"]);
    expect(await t.hashes()).toEqual(["b", "c", "d", "e", "more", "new"]);
  });

  test("refuses what is larger than all it may store, announced or not, and keeps what it has", async () => {
    await using t = await openTestCache({}, { maxSizeBytes: 100 });
    await fill(t, "abc");
    for (const isAnnounced of [true, false]) {
      const refused = await t.put("huge", "h".repeat(101), { isAnnounced }).catch((error) => error);
      expect(refused).toMatchObject({ code: "no_space", message: expect.stringContaining("maxSize") });
    }
    expect(await t.hashes()).toEqual(["a", "b", "c"]);
    expect(t.cache.capacity.reservedBytes).toBe(0);
    expect(readdirSync(join(t.folder, "tmp"))).toEqual([]);
  });

  test.each(["the whole cache", "the team"])(
    "lets go only of what the bytes need that come, whatever was announced, at the limit of %s",
    async (whose) => {
      const isTeam = whose === "the team";
      const limitBytes = 20 * mebibyte;
      await using t = await openTestCache(
        { quotaBytes: isTeam ? limitBytes : null },
        { maxSizeBytes: isTeam ? undefined : limitBytes, maxArtifactSizeBytes: limitBytes },
      );
      for (let index = 0; index < 18; index++) {
        await t.put(`old${index}`, String.fromCharCode(65 + index).repeat(mebibyte), announced);
        await t.setLastUsed(`old${index}`, Date.now() - (100 - index) * hour);
      }
      // Three announce 18 MiB together. Two never send more than a byte, and the third all of it.
      const gone = Promise.withResolvers<never>();
      const stalled = ["s1", "s2"].map((hash) =>
        t.putFrom(hash, stalling(gone.promise), 6 * mebibyte).catch((error) => error),
      );
      await t.put("new", "n".repeat(6 * mebibyte), announced);
      const hashes = await t.hashes();
      expect(hashes).toContain("new");
      // 6 MiB have come, and three steps were reserved; the low mark of a full cache is at 90 %.
      expect(hashes.length).toBeGreaterThanOrEqual(10);
      const { storedBytes, reservedBytes } = t.cache.capacity;
      const takenBytes = (isTeam ? await usedBytes(t) : storedBytes) + reservedBytes;
      expect([reservedBytes, takenBytes <= limitBytes]).toEqual([2 * mebibyte, true]);
      gone.reject(new DOMException("gone", "AbortError"));
      for (const one of stalled) expect(await one).toMatchObject({ code: "aborted" });
      expect(t.cache.capacity.reservedBytes).toBe(0);
      // All that was promised is free again.
      await t.put("large", "l".repeat(limitBytes), announced);
      expect(await t.hashes()).toEqual(["large"]);
    },
    120_000,
  );

  test("never has more on the disk than its limit while many upload at once, and turns none away", async () => {
    const maxSizeBytes = 512 * 1024;
    await using t = await openTestCache({}, { maxSizeBytes });
    let highest = 0;
    let isUploading = true;
    const sample = async () => {
      while (isUploading) {
        highest = Math.max(highest, bytesOnDisk(t.folder));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    };
    const sampling = sample();
    const uploads = Array.from({ length: 64 }, (_, index) =>
      t.put(`h${index}`, String.fromCharCode(65 + index).repeat(16 * 1024), { isAnnounced: index % 2 === 0 }),
    );
    await Promise.all(uploads);
    isUploading = false;
    await sampling;
    expect(highest).toBeGreaterThan(maxSizeBytes / 2);
    expect(highest).toBeLessThanOrEqual(maxSizeBytes);
    expect(t.cache.capacity.reservedBytes).toBe(0);
    await t.cache.evictor.makeRoom();
    await t.cache.collector.collect({ graceMs: 0 });
    expect(bytesOnDisk(t.folder)).toBe(t.cache.capacity.storedBytes);
  }, 120_000);
});

describe("a team at its quota", () => {
  test("loses its own oldest artifacts to the new ones, and nobody else does", async () => {
    await using t = await openTestCache({ quotaBytes: 100 });
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    await t.put("old", "o".repeat(50), { team: other });
    await t.setLastUsed("old", 1, other);
    await fill(t, "abcdefghij");
    await t.put("new", ten("n"), announced);
    expect(await t.hashes()).toEqual(["b", "c", "d", "e", "f", "g", "h", "i", "j", "new"]);
    expect(await t.hashes(other)).toEqual(["old"]);
    expect(await usedBytes(t)).toBe(100);
  });

  test("counts bytes that it shares with itself once, and with others for each", async () => {
    await using t = await openTestCache({ quotaBytes: 100 });
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    for (const hash of ["a", "b", "c"]) await t.put(hash, "s".repeat(60));
    await t.put("a", "s".repeat(60), { team: other });
    expect([await usedBytes(t), await usedBytes(t, other)]).toEqual([60, 60]);
    expect(t.cache.capacity.storedBytes).toBe(60);
    // None of the three frees anything before the last of them has gone.
    await t.put("new", "n".repeat(70), announced);
    expect(await t.hashes()).toEqual(["new"]);
    expect(await usedBytes(t)).toBe(70);
  });

  test("with the rule to refuse gets no more in, keeps what it has, and says how to get room", async () => {
    await using t = await openTestCache({ quotaBytes: 100, quotaRule: "refuse" });
    await fill(t, "abcdefghi");
    expect(await t.cache.isTeamFull(t.team.id)).toBe(false);
    expect(await t.put("huge", "h".repeat(101), announced).catch((error) => error)).toMatchObject({
      code: "larger_than_quota",
    });
    for (const isAnnounced of [true, false]) {
      const refused = await t.put("new", "n".repeat(11), { isAnnounced }).catch((error) => error);
      expect(refused).toMatchObject({
        code: "team_over_limit",
        message: expect.stringContaining("larder team set default --quota"),
      });
    }
    // What is left is too little for what comes, so clients shall not try.
    expect(await t.cache.isTeamFull(t.team.id)).toBe(true);
    await t.put("i", ten("I"), announced);
    expect(await t.cache.isTeamFull(t.team.id)).toBe(false);
    await t.put("j", ten("j"), announced);
    expect(await t.cache.isTeamFull(t.team.id)).toBe(true);
    expect(await t.hashes()).toHaveLength(10);
    await t.cache.purge({ teamId: t.team.id, hash: "a" }, serverActor);
    expect(await t.cache.isTeamFull(t.team.id)).toBe(false);
    await t.put("new", ten("n"), announced);
  });

  test.each(["evict", "refuse"] as const)(
    "with the rule to %s waits for what another upload has announced and never sends",
    async (quotaRule) => {
      await using t = await openTestCache({ quotaBytes: 100, quotaRule });
      const gone = Promise.withResolvers<never>();
      const stalls = Promise.withResolvers<void>();
      const body = async function* () {
        yield new Uint8Array(1);
        stalls.resolve();
        await gone.promise;
      };
      const stalled = t.putFrom("stalled", body(), 90).catch((error) => error.code);
      await stalls.promise;
      const outcome = t.put("small", "s".repeat(30), announced).then(
        () => "kept",
        (error) => error.code,
      );
      // It has looked by then, more than once.
      for (let reads = 0; reads < 100; reads++) await usedBytes(t);
      expect(Bun.peek.status(outcome)).toBe("pending");
      gone.reject(new DOMException("gone", "AbortError"));
      expect(await stalled).toBe("aborted");
      expect(await outcome).toBe("kept");
    },
  );

  test.each(["evict", "refuse"] as const)(
    "with the rule to %s is told of other uploads when these take its quota for too long",
    async (quotaRule) => {
      await using t = await openTestCache({ quotaBytes: 100, quotaRule });
      await t.put("a", ten("a"));
      const room = new TeamRoom(t.database, t.cache.evictor, 30);
      const by = { teamId: t.team.id, isTrusted: true };
      const nothing = { reservedBytes: 0, promisedBytes: 0 };
      const stalled = { reservedBytes: 10, promisedBytes: 80 };
      await room.grow(by, nothing, stalled);
      const refused = room.grow(by, nothing, { reservedBytes: 30, promisedBytes: 30 });
      expect(await refused.catch((error) => error)).toMatchObject({
        code: "no_space",
        retryAfterSeconds: expect.any(Number),
      });
      room.give(by, stalled);
      await room.grow(by, nothing, { reservedBytes: 30, promisedBytes: 30 });
    },
  );

  test.each(["evict", "refuse"] as const)(
    "with the rule to %s never uses more than its quota, however many upload at once",
    async (quotaRule) => {
      await using t = await openTestCache({ quotaBytes: 1000, quotaRule });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 64 }, (_, index) =>
          t
            .put(`h${index}`, String.fromCharCode(65 + index).repeat(100), {
              isAnnounced: index % 2 === 0,
            })
            .then(async () => {
              expect(await usedBytes(t)).toBeLessThanOrEqual(1000);
            }),
        ),
      );
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      for (const { reason } of refused) expect(reason).toMatchObject({ code: "team_over_limit" });
      if (quotaRule === "evict") expect(refused).toEqual([]);
      else expect((await t.hashes()).length).toBe(64 - refused.length);
      expect(await t.hashes()).not.toEqual([]);
    },
    120_000,
  );

  test("loses only as many artifacts to uploads at the same time as these need", async () => {
    await using t = await openTestCache({ quotaBytes: 10_000 });
    for (let index = 0; index < 100; index++) {
      await t.put(`old${index}`, String(index).padEnd(100, "-"), announced);
    }
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        t.put(`new${index}`, String(index).padEnd(100, "+"), announced),
      ),
    );
    const hashes = await t.hashes();
    expect(hashes.filter((hash) => hash.startsWith("new"))).toHaveLength(8);
    expect(hashes.length).toBeGreaterThanOrEqual(90);
  });

  test("is told that an artifact larger than the whole quota will never fit", async () => {
    await using t = await openTestCache({ quotaBytes: 100 });
    await fill(t, "abc");
    for (const isAnnounced of [true, false]) {
      const refused = await t.put("huge", "h".repeat(101), { isAnnounced }).catch((error) => error);
      expect(refused).toMatchObject({ code: "larger_than_quota", message: expect.stringContaining("100") });
    }
    expect(await t.hashes()).toEqual(["a", "b", "c"]);
  });

  test("is none of a lowered quota's business where the team's rule is to refuse", async () => {
    await using t = await openTestCache({ quotaBytes: 1000, quotaRule: "refuse" });
    for (const hash of ["a", "b"]) await t.put(hash, hash.repeat(400));
    await new Teams(t.database, serverActor).set("default", { quotaBytes: 500 });
    expect(await t.cache.evictor.countOverQuota()).toBe(0);
    expect(await t.cache.evictor.shrinkTeams()).toBe(0);
    expect([await t.get("a"), await t.get("b")]).toEqual(["a".repeat(400), "b".repeat(400)]);
    expect(await t.put("c", "c").catch((error) => error)).toMatchObject({ code: "team_over_limit" });
  });

  test("is brought down to a quota that was lowered", async () => {
    await using t = await openTestCache();
    await fill(t, "abcdef");
    await new Teams(t.database, serverActor).set("default", { quotaBytes: 35 });
    expect(await t.cache.evictor.countOverQuota()).toBe(25);
    await t.cache.evictor.shrinkTeams();
    expect(await t.hashes()).toEqual(["d", "e", "f"]);
    expect(await t.cache.evictor.countOverQuota()).toBe(0);
  });
});

describe("age", () => {
  test("takes out what was not used for longer than the team's limit, or else the server's", async () => {
    await using t = await openTestCache({}, { maxAgeMs: 10 * hour });
    const short = await new Teams(t.database, serverActor).create({ slug: "short" });
    const long = await new Teams(t.database, serverActor).create({ slug: "long" });
    await new Teams(t.database, serverActor).set("short", { maxAgeMs: hour });
    await new Teams(t.database, serverActor).set("long", { maxAgeMs: 1000 * hour });
    const now = Date.now();
    for (const team of [t.team, short, long]) {
      for (const hours of [0, 5, 50, 5000]) {
        await t.put(`h${hours}`, "same", { team });
        await t.setLastUsed(`h${hours}`, now - hours * hour, team);
      }
    }
    expect(await t.cache.evictor.countTooOld(now)).toBe(6);
    expect(await t.cache.evictor.expire(now)).toBe(6);
    expect(await t.hashes()).toEqual(["h0", "h5"]);
    expect(await t.hashes(short)).toEqual(["h0"]);
    expect(await t.hashes(long)).toEqual(["h0", "h5", "h50"]);
    expect(await t.cache.evictor.countTooOld(now)).toBe(0);
  });

  test("spares what was downloaded since, though that is not yet written down", async () => {
    await using t = await openTestCache({}, { maxAgeMs: hour });
    await fill(t, "ab");
    await t.get("a");
    expect(await t.cache.evictor.expire()).toBe(1);
    expect(await t.hashes()).toEqual(["a"]);
  });

  test("is not that of an artifact in use, however short the limit is", async () => {
    await using t = await openTestCache({}, { maxAgeMs: 1_000 });
    await t.put("a", "hello");
    const [{ lastUsedAt: writtenAt } = { lastUsedAt: 0 }] = await t.database.read.select().from(artifacts);
    try {
      // Uses less than a minute after the last are not written down.
      setSystemTime(writtenAt + 59_000);
      await t.get("a");
      setSystemTime(writtenAt + 59_900);
      expect([await t.cache.evictor.countTooOld(), await t.cache.evictor.expire()]).toEqual([0, 0]);
      setSystemTime(writtenAt + 120_000);
      expect([await t.cache.evictor.countTooOld(), await t.cache.evictor.expire()]).toEqual([1, 1]);
    } finally {
      setSystemTime();
    }
  });

  test("is no reason to go where no limit is set, and stops in the middle when it is asked to", async () => {
    await using t = await openTestCache();
    await fill(t, "abc");
    expect(await t.cache.evictor.expire(Date.now() + 10_000 * hour)).toBe(0);
    await new Teams(t.database, serverActor).set("default", { maxAgeMs: hour });
    expect(await t.cache.evictor.expire(Date.now(), AbortSignal.abort())).toBe(0);
    expect(await t.hashes()).toHaveLength(3);
  });
});

describe("purging", () => {
  test("takes out what its filter leaves, and nothing of another team", async () => {
    await using t = await openTestCache();
    const other = await new Teams(t.database, serverActor).create({ slug: "other" });
    for (const team of [t.team, other]) {
      for (const [hash, writtenBy] of [
        ["a", "tok_1"],
        ["b", "tok_2"],
        ["c", "tok_2"],
        ["d", null],
      ] as const) {
        await t.put(hash, ten(hash), { team, facts: { writtenBy } });
      }
      await t.setLastUsed("c", Date.now() - hour, team);
    }
    const teamId = t.team.id;
    expect(await t.cache.purge({ teamId, hash: "gone" }, serverActor)).toBe(0);
    expect(await t.cache.purge({ teamId, tool: "nx" }, serverActor)).toBe(0);
    expect(await t.cache.purge({ teamId, writtenBy: ["tok_1"], hash: "b" }, serverActor)).toBe(0);
    expect(await t.cache.purge({ teamId, hash: "a" }, serverActor)).toBe(1);
    expect(await t.cache.purge({ teamId, usedBefore: Date.now() - hour / 2 }, serverActor)).toBe(1);
    expect(await t.hashes()).toEqual(["b", "d"]);
    expect(await t.cache.purge({ teamId, writtenBy: ["tok_2"] }, serverActor)).toBe(1);
    expect(await t.cache.purge({ teamId }, serverActor)).toBe(1);
    expect([await t.hashes(), await t.hashes(other)]).toEqual([[], ["a", "b", "c", "d"]]);
    expect([await usedBytes(t), await usedBytes(t, other)]).toEqual([0, 40]);
    // The other team holds all of them.
    expect(await t.cache.collector.waiting()).toEqual({ blobs: 0, sizeBytes: 0 });
  });

  test("takes more out than one step does", async () => {
    await using t = await openTestCache();
    await Promise.all(Array.from({ length: 250 }, (_, index) => t.put(`h${index}`, `${index}`)));
    expect(await t.cache.purge({ teamId: t.team.id }, serverActor)).toBe(250);
    expect([await usedBytes(t), await t.hashes()]).toEqual([0, []]);
  });
});

test("what teams use and what is stored are counted right, whatever is put, replaced, purged and evicted", async () => {
  await using t = await openTestCache();
  const all = new Teams(t.database, serverActor);
  const places = [t.team, await all.create({ slug: "two" }), await all.create({ slug: "three" })];
  const team = fc.nat({ max: places.length - 1 });
  const hash = fc.constantFrom("a", "b", "c", "d");
  const content = fc.constantFrom("1", "22", "333", "4444");
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), team, hash, content }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge" as const), team, hash }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("shrink" as const), team, to: fc.nat({ max: 8 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("empty" as const), team }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("collect" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 5 }), async (rounds) => {
      for (const atOnce of rounds) {
        await Promise.all(
          atOnce.map(async (one) => {
            if (one.kind === "collect") return void (await t.cache.collector.collect({ graceMs: 0 }));
            const of = places[one.team] as (typeof places)[number];
            if (one.kind === "put") await t.put(one.hash, one.content, { team: of });
            if (one.kind === "purge") await t.cache.purge({ teamId: of.id, hash: one.hash }, serverActor);
            if (one.kind === "shrink") await t.cache.evictor.shrinkTeam(of.id, one.to);
            if (one.kind === "empty") await t.database.write((tx) => takeOutTeam(tx, of.id));
          }),
        );
        await expectExactBooks(t);
      }
    }),
    { numRuns: 30 },
  );
}, 120_000);

/** Counts once more, row by row and file by file. */
async function expectExactBooks(t: TestCache): Promise<void> {
  const rows = new Map((await t.database.read.select().from(blobs)).map((blob) => [blob.id, blob]));
  const held = await t.database.read.select().from(artifacts);
  for (const team of await t.database.read.select().from(teams)) {
    const ofTeam = new Set(held.filter(({ teamId }) => teamId === team.id).map(({ blobId }) => blobId));
    const counted = [...ofTeam].reduce((total, id) => total + (rows.get(id)?.sizeBytes ?? Number.NaN), 0);
    expect([team.slug, team.usedBytes]).toEqual([team.slug, counted]);
  }
  expect(t.cache.capacity.storedBytes).toBe(bytesOnDisk(t.folder));
  expect(t.cache.capacity.reservedBytes).toBe(0);
}
