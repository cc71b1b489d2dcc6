import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { Cache } from "../../src/cache/cache.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import { Teams } from "../../src/identity/teams.ts";
import { keepServersOff } from "../../src/server/data-lock.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { noFacts } from "../cache/test-cache.ts";
import { type Finished, type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, createTeam, createToken, TurboClient } from "../protocols/turbo/client.ts";
import { blobFileOf, holdingsOf, sha256Of } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { bodyOf, bytes } from "../storage/blob-storage-contract.ts";

let larder: RunningLarder;
beforeEach(async () => {
  larder = await startLarder({ args: ["--verify-rate", "none"] });
});
afterEach(() => larder[Symbol.asyncDispose]());

async function put(token: string, hash: string, content: string): Promise<void> {
  expect((await new TurboClient(larder.url, token).put(hash, content)).status).toBe(202);
}

/** What a command printed as JSON. */
async function json(...args: string[]) {
  return JSON.parse(await cliOutput(larder, ...args, "--json"));
}

function setLastUsed(hash: string, daysAgo: number): void {
  using database = new Database(join(larder.dataFolder, "larder.db"));
  database.run("PRAGMA busy_timeout = 5000");
  database.run("UPDATE artifacts SET last_used_at = ? WHERE hash = ?", [
    Date.now() - daysAgo * 86_400_000,
    hash,
  ]);
}

function hashes(team = "default"): string[] {
  return holdingsOf(larder.dataFolder)
    .artifacts.filter((artifact) => artifact.team === team)
    .map(({ hash }) => hash);
}

function blobPath(content: string): string {
  return join(larder.dataFolder, "blobs", blobFileOf(sha256Of(content)));
}

function expectRefused({ stdout, stderr, exitCode }: Finished, code: number, ...parts: string[]): void {
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: code });
  for (const part of parts) expect(stderr).toContain(part);
}

describe("larder du", () => {
  test("tells what the teams use, with and without what they share", async () => {
    const web = await createTeam(larder, "web");
    const shared = "x".repeat(1000);
    await put(larder.firstToken, "a", shared);
    await put(larder.firstToken, "b", shared);
    await put(web.token, "a", shared);
    await put(web.token, "c", "y".repeat(500));
    expect(await json("du")).toEqual({
      teams: [
        expect.objectContaining({ team: "default", artifacts: 2, sizeBytes: 2000, usedBytes: 1000 }),
        { teamId: web.teamId, team: "web", artifacts: 2, sizeBytes: 1500, usedBytes: 1500, quotaBytes: null },
      ],
      blobs: 2,
      storedBytes: 1500,
      savedBytes: 2000,
      quarantined: { blobs: 0, sizeBytes: 0 },
    });
    const text = await cliOutput(larder, "du");
    expect(text).toMatch(
      /^TEAM +ARTIFACTS +LOGICAL +USED +QUOTA\ndefault +2 +2KiB +1000B +none\nweb +2 +1\.5KiB +1\.5KiB +none\n/,
    );
    expect(text).toEndWith("2 blobs take 1.5KiB; sharing saves 2KiB.\n");
  });

  test("tells of a larder that has nothing yet", async () => {
    expect(await json("du")).toMatchObject({ blobs: 0, storedBytes: 0, savedBytes: 0 });
    expect(await cliOutput(larder, "du")).toEndWith("0 blobs take 0B; sharing saves 0B.\n");
    await put(larder.firstToken, "a", "hello");
    expect(await cliOutput(larder, "du")).toEndWith("1 blob takes 5B; sharing saves 0B.\n");
  });
});

test.each(["du", "gc --dry-run"])("larder %s creates nothing, beside a server or not", async (words) => {
  const folders = ["quarantine", "tmp"].map((name) => join(larder.dataFolder, name));
  for (const isServed of [true, false]) {
    if (!isServed) await larder.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    expect((await json(...words.split(" "))).quarantined).toEqual({ blobs: 0, sizeBytes: 0 });
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
  }
});

test("larder gc --dry-run shows at once what would go while another command has the folder", async () => {
  await larder.stop();
  using _lock = keepServersOff(larder.dataFolder, "larder verify");
  expect(await json("gc", "--dry-run")).toMatchObject({ tooOld: 0 });
});

describe("larder gc", () => {
  /** Two artifacts too old, and 300 bytes beyond a quota. */
  async function makeWork(): Promise<void> {
    const web = await createTeam(larder, "web");
    for (const hash of ["o1", "o2", "kept"]) await put(larder.firstToken, hash, hash.repeat(50));
    for (let index = 1; index <= 5; index++) {
      await put(web.token, `w${index}`, `${index}`.repeat(100));
      setLastUsed(`w${index}`, 10 - index);
    }
    await cliOutput(larder, "team", "set", "default", "--max-age", "30d");
    await cliOutput(larder, "team", "set", "web", "--quota", "200B");
    for (const hash of ["o1", "o2"]) setLastUsed(hash, 31);
    setLastUsed("kept", 29);
  }

  /** One blob that nothing uses. Without a server, which would collect it before long. */
  async function letGo(): Promise<void> {
    const database = openDataFolder(larder.dataFolder);
    try {
      const [team] = await new Teams(database, serverActor).list();
      const cache = await Cache.open({
        ...{ database, storage: await DiskStorage.open(larder.dataFolder), log: pino({ level: "silent" }) },
        ...{ maxArtifactSizeBytes: 1_000, maxSizeBytes: undefined, minFreeBytes: 0 },
        ...{ maxAgeMs: undefined, scopeMaxAgeMs: undefined },
      });
      const key = { teamId: team?.id as string, tool: "turbo", scope: "", hash: "kept" };
      await cache.put(key, noFacts, { body: bodyOf(bytes("k".repeat(100))) });
      await cache.close();
    } finally {
      await database.close();
    }
    setLastUsed("kept", 29);
  }

  test("with --dry-run says what would go, and touches nothing", async () => {
    await makeWork();
    await larder.stop();
    await letGo();
    // What a start, or a command that acts, would clear up.
    writeFileSync(join(larder.dataFolder, "tmp", "1-1"), "under way when the power went");
    const before = holdingsOf(larder.dataFolder);
    expect(await json("gc", "--dry-run")).toEqual({
      tooOld: 2,
      overQuotaBytes: 300,
      overMaxSizeBytes: 0,
      unused: { blobs: 1, sizeBytes: 200 },
      quarantined: { blobs: 0, sizeBytes: 0 },
    });
    expect(await cliOutput(larder, "gc", "--dry-run")).toBe(
      "Would go: 2 artifacts too old, 300B beyond quotas, 0B beyond maxSize, 1 unused blob (200B).\n",
    );
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
  });

  test("removes what is too old, beyond a quota or unused, and nothing else", async () => {
    await makeWork();
    await larder.stop();
    await letGo();
    // 2 × 100 too old, 3 × 100 beyond the quota, 200 unused.
    expect(await json("gc")).toMatchObject({ expired: 2, overQuota: 3, freed: { blobs: 6, sizeBytes: 700 } });
    expect([hashes(), hashes("web")]).toEqual([["kept"], ["w4", "w5"]]);
    expect(holdingsOf(larder.dataFolder).blobFiles).toHaveLength(3);
    expect(await cliOutput(larder, "gc")).toBe(
      "Removed 0 artifacts too old, 0 beyond quotas, 0 beyond maxSize; freed 0B in 0 blobs.\n",
    );
  });

  test("without a server keeps to maxSize: what was used least recently goes first", async () => {
    for (let index = 0; index < 10; index++) {
      await put(larder.firstToken, `h${index}`, `${index}`.repeat(1000));
      setLastUsed(`h${index}`, 10 - index);
    }
    await larder.stop();
    expect(await json("gc", "--dry-run", "--max-size", "5000B")).toMatchObject({ overMaxSizeBytes: 5500 });
    expect(hashes()).toHaveLength(10);
    expect(await json("gc", "--max-size", "5000B")).toMatchObject({
      evicted: 6,
      freed: { blobs: 6, sizeBytes: 6000 },
    });
    expect(hashes()).toEqual(["h6", "h7", "h8", "h9"]);
    expect(await cliOutput(larder, "gc", "--max-size", "3000B")).toBe(
      "Removed 0 artifacts too old, 0 beyond quotas, 2 beyond maxSize; freed 2KiB in 2 blobs.\n",
    );
  });

  test("removes what has been in quarantine for over 30 days, of which du tells, beside a server or not", async () => {
    const quarantine = join(larder.dataFolder, "quarantine");
    /** As the server does with what it finds damaged. */
    const quarantined = (content: string, daysAgo: number) => {
      const path = join(quarantine, sha256Of(content));
      writeFileSync(path, content);
      utimesSync(path, new Date(), new Date(Date.now() - daysAgo * 86_400_000));
      return sha256Of(content);
    };
    for (const isServed of [true, false]) {
      if (!isServed) await larder.stop();
      quarantined("damaged long ago", 31);
      quarantined("also", 40);
      const recent = quarantined("recent", 29);
      writeFileSync(join(quarantine, "notes.txt"), "what we found");
      const before = holdingsOf(larder.dataFolder);
      expect((await json("du")).quarantined).toEqual({ blobs: 3, sizeBytes: 26 });
      expect(await cliOutput(larder, "du")).toEndWith(
        "\nIn quarantine: 3 damaged blobs (26B); the server, or `larder gc`, removes what has been there for over 30 days.\n",
      );
      expect(await cliOutput(larder, "gc", "--dry-run")).toEndWith(", and 20B in 2 blobs from quarantine.\n");
      expect((await json("gc", "--dry-run")).quarantined).toEqual({ blobs: 2, sizeBytes: 20 });
      expect(holdingsOf(larder.dataFolder)).toEqual(before);
      expect(await cliOutput(larder, "gc")).toEndWith(
        "freed 0B in 0 blobs, and 20B in 2 blobs from quarantine.\n",
      );
      expect(holdingsOf(larder.dataFolder).quarantinedFiles).toEqual([recent, "notes.txt"].sort());
      expect((await json("gc")).quarantined).toEqual({ blobs: 0, sizeBytes: 0 });
    }
  });

  test("beside a server has it remove the blobs, and waits until it has", async () => {
    await makeWork();
    await put(larder.firstToken, "kept", "k".repeat(100));
    await cliOutput(larder, "gc");
    expect([hashes(), hashes("web")]).toEqual([["kept"], ["w4", "w5"]]);
    expect(holdingsOf(larder.dataFolder).blobFiles).toHaveLength(3);
    expect((await new TurboClient(larder.url, larder.firstToken).get("kept")).status).toBe(200);
  });
});

describe("larder purge", () => {
  test("wants to be told what, or --yes, and takes nothing out before", async () => {
    await put(larder.firstToken, "a", "hello");
    expectRefused(await larder.cli("purge", "--team", "default"), 2, "--yes", "--hash", "--older-than");
    expectRefused(await larder.cli("purge", "--team", "default", "--older-than", "0s"), 2, "--yes");
    expectRefused(await larder.cli("purge", "--hash", "a"), 2, "--team");
    expectRefused(await larder.cli("purge", "--team", "gone", "--yes"), 1, 'no team "gone"');
    for (const age of ["30", "soon"]) {
      const refused = await larder.cli("purge", "--team", "default", "--older-than", age);
      expectRefused(refused, 2, "such as 30d");
    }
    expect(hashes()).toEqual(["a"]);
  });

  test("takes out by hash, by age and by the token that wrote, and frees what nobody else holds", async () => {
    const web = await createTeam(larder, "web");
    const other = await createToken(larder, "default", "write", "--name", "other");
    for (const hash of ["a", "b", "c"]) await put(larder.firstToken, hash, `own ${hash}`);
    await put(larder.firstToken, "shared", "shared");
    for (const hash of ["d", "e"]) await put(other.token, hash, `other ${hash}`);
    for (const hash of ["a", "shared"]) await put(web.token, hash, hash);
    setLastUsed("b", 31);
    await larder.stop();

    const purge = (...args: string[]) => json("purge", "--team", "default", ...args);
    expect(await purge("--hash", "a")).toEqual({ artifacts: 1, freed: { blobs: 1, sizeBytes: 5 } });
    expect(await purge("--hash", "shared")).toEqual({ artifacts: 1, freed: { blobs: 0, sizeBytes: 0 } });
    expect(await purge("--older-than", "30d")).toMatchObject({ artifacts: 1 });
    expect(await purge("--written-by", other.id, "--hash", "c")).toMatchObject({ artifacts: 0 });
    expect(hashes()).toEqual(["c", "d", "e"]);
    for (const nobody of ["nobody", "tok_0123456789abcdef", web.id, web.token]) {
      const refused = await larder.cli("purge", "--team", "default", "--written-by", nobody);
      expectRefused(refused, 1, "no such token");
    }
    expect(await purge("--written-by", other.token, "--hash", "d")).toMatchObject({ artifacts: 1 });
    expect(await purge("--written-by", "other", "--hash", "e")).toMatchObject({ artifacts: 1 });
    expect(hashes()).toEqual(["c"]);
    expect(await cliOutput(larder, "purge", "--team", "default", "--yes")).toBe(
      "Purged 1 artifact of team default; freed 5B.\n",
    );
    expect([hashes(), hashes("web")]).toEqual([[], ["a", "shared"]]);
    expect(holdingsOf(larder.dataFolder).blobFiles).toHaveLength(2);
  });

  test("beside a server makes misses at once, and the server removes the bytes", async () => {
    await put(larder.firstToken, "a", "hello");
    await put(larder.firstToken, "b", "world");
    const purged = await json("purge", "--team", "default", "--hash", "a");
    expect(purged).toEqual({ artifacts: 1, freed: { blobs: 1, sizeBytes: 5 } });
    const client = new TurboClient(larder.url, larder.firstToken);
    expect([(await client.get("a")).status, (await client.get("b")).status]).toEqual([404, 200]);
    expect(holdingsOf(larder.dataFolder).blobFiles).toEqual([blobFileOf(sha256Of("world"))]);
  });
});

describe("larder verify", () => {
  beforeEach(async () => {
    for (const content of ["sound", "rotten", "missing"]) await put(larder.firstToken, content, content);
  });

  function damage(): string[] {
    writeFileSync(blobPath("rotten"), "ROTTEN");
    rmSync(blobPath("missing"));
    return [sha256Of("rotten"), sha256Of("missing")].sort();
  }

  test("ends with 0 where all is sound, and shows how far it is on standard error", async () => {
    const { stdout, stderr, exitCode } = await larder.cli("verify");
    expect({ stdout, exitCode }).toEqual({ stdout: "Read 3 blobs, 18B.\nNone is rotten.\n", exitCode: 0 });
    expect(stderr).toEndWith("] 100 %, 3 blobs\n");
    expect(await json("verify", "--rate", "100MiB")).toEqual({
      blobs: 3,
      sizeBytes: 18,
      rotten: [],
      unknown: [],
    });
  });

  test("without a server takes out what is rotten or unknown, and ends with 1 for the rotten", async () => {
    await larder.stop();
    const rotten = damage();
    writeFileSync(blobPath("nobody's"), "nobody's");
    const { stdout, stderr, exitCode } = await larder.cli("verify", "--json");
    const report = JSON.parse(stdout);
    expect({ ...report, rotten: report.rotten.sort() }).toEqual({
      blobs: 3,
      sizeBytes: 18,
      rotten,
      unknown: [sha256Of("nobody's")],
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("larder: 2 blobs are rotten.\n");
    const { blobFiles, quarantinedFiles } = holdingsOf(larder.dataFolder);
    expect([blobFiles, quarantinedFiles]).toEqual([[blobFileOf(sha256Of("sound"))], [sha256Of("rotten")]]);
    expect((await larder.cli("verify")).exitCode).toBe(0);
  });

  test("names what it found to people, too", async () => {
    await larder.stop();
    writeFileSync(blobPath("rotten"), "ROTTEN");
    writeFileSync(blobPath("nobody's"), "nobody's");
    const { stdout, stderr } = await larder.cli("verify");
    expect(stderr).toContain("larder: 1 blob is rotten.\n");
    expect(stdout).toBe(
      `Read 3 blobs, 18B.\nRotten, taken out:\n  ${sha256Of("rotten")}\n` +
        `Files that no artifact knows, taken out:\n  ${sha256Of("nobody's")}\n`,
    );
  });

  test("beside a server leaves it to that to look again, which takes them out soon", async () => {
    const rotten = damage();
    const { stdout, exitCode } = await larder.cli("verify");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("Rotten, the running server looks at them next:\n");
    for (const name of rotten) expect(stdout).toContain(`  ${name}\n`);
    const quarantined = () =>
      holdingsOf(larder.dataFolder).blobs.filter((blob) => blob.quarantinedAt !== null);
    await until(larder.url, () => quarantined().length === 2);
    const client = new TurboClient(larder.url, larder.firstToken);
    for (const [hash, status] of [
      ["sound", 200],
      ["rotten", 404],
      ["missing", 404],
    ] as const) {
      expect([hash, (await client.get(hash)).status]).toEqual([hash, status]);
    }
    expect((await larder.cli("verify")).exitCode).toBe(0);
  });

  test.each(["0", "20", "fast", "none"])("takes no rate of %s", async (rate) => {
    expectRefused(await larder.cli("verify", "--rate", rate), 2, "It takes a size with its unit, such as");
  });
});

describe("larder team set", () => {
  test("gives a team a quota, a rule and an age, which show and du tell, and none takes them back", async () => {
    await put(larder.firstToken, "a", "hello");
    const set = (...args: string[]) => json("team", "set", "default", ...args);
    expect(await set("--quota", "10GiB", "--quota-rule", "refuse", "--max-age", "30d")).toMatchObject({
      quotaBytes: 10 * 1024 ** 3,
      quotaRule: "refuse",
      maxAgeMs: 30 * 86_400_000,
      usedBytes: 5,
    });
    const shown = await cliOutput(larder, "team", "show", "default");
    expect(shown).toMatch(/\nQuota +10GiB \(refuse\)\nMax age +30d\nUsed +5B\n/);

    expect(await set("--quota", "none", "--max-age", "none")).toMatchObject({
      quotaBytes: null,
      maxAgeMs: null,
      quotaRule: "refuse",
    });
    expect(await cliOutput(larder, "team", "show", "default")).toMatch(
      /\nQuota +none\nMax age +the server's\n/,
    );
  });

  test.each([
    ["--quota", "lots", "such as 20GiB"],
    ["--quota", "0", "such as 20GiB"],
    ["--quota", "20", "a size with its unit"],
    ["--quota", "-1", "such as 20GiB"],
    ["--max-age", "30", "such as 30d"],
    ["--max-age", "0s", "such as 30d"],
    ["--quota-rule", "ask", "evict, refuse"],
  ])("takes no %s of %s", async (flag, value, said) => {
    expectRefused(await larder.cli("team", "set", "default", `${flag}=${value}`), 2, said);
    expect(await json("team", "show", "default")).toMatchObject({ quotaBytes: null, maxAgeMs: null });
  });
});
