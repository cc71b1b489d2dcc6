import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { createTeam, createToken, TurboClient } from "../protocols/turbo/client.ts";
import { type Connection, Monorepo, type PlannedTask, packageNames } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";

setDefaultTimeout(120_000);

/*
 * CVE-2025-36852: whoever can write to a cache that main reads, writes first under the hash that main will ask for. Each test
 * here is such an attempt, with the real client and by hand.
 */

const turbo = currentTurbo();
let larder: RunningLarder;
let main: Connection;

beforeAll(async () => {
  larder = await startLarder();
  main = { url: larder.url, token: larder.firstToken, team: "default" };
});
afterAll(() => larder[Symbol.asyncDispose]());

async function connectionOf(scope: string, permission: "read" | "write" = "write"): Promise<Connection> {
  const { token } = await createToken(larder, "default", permission, "--scope", scope);
  return { ...main, token };
}

const sources = (tasks: PlannedTask[]): string[] =>
  tasks.map((task) => task.cache.source ?? task.cache.status);
const four = (word: string) => [word, word, word, word];

/** The same commit on a stranger's machine, whose builds leave other files than their hashes stand for. */
async function tamperedBuild(repo: Monorepo, connection: Connection): Promise<Record<string, string>> {
  await repo.forget();
  // What turbo hashes stays as it is: only the program that writes the outputs is another one.
  const bin = join(repo.folder, "..", "evil");
  await Bun.write(join(bin, "cp"), '#!/bin/sh\necho evil > "$2"\n');
  await Bun.$`chmod +x ${join(bin, "cp")}`.quiet();
  const run = await repo.build(connection, {
    env: { PATH: `${bin}:${join(repo.folder, "..", "bin")}:${process.env.PATH}` },
  });
  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("4 successful, 4 total");
  for (const name of packageNames) {
    expect(await Bun.file(join(repo.folder, "packages", name, "dist/deep/copy.bin")).text()).toBe("evil\n");
  }
  return await repo.outputs();
}

/** No build of main got anything from the stranger. */
async function expectHonest(repo: Monorepo): Promise<void> {
  for (const name of packageNames) {
    const folder = join(repo.folder, "packages", name);
    const [source, copy] = await Promise.all(
      ["source.bin", "dist/deep/copy.bin"].map((path) => Bun.file(join(folder, path)).bytes()),
    );
    expect(Buffer.compare(copy as Uint8Array, source as Uint8Array)).toBe(0);
  }
}

test("what a pull request has tampered with never reaches main, and serves that pull request alone", async () => {
  await using repo = await Monorepo.create(turbo);
  await using fork = await repo.clone();
  await using other = await repo.clone();
  const pr7 = await connectionOf("pr-7");
  const pr8 = await connectionOf("pr-8");

  const evil = await tamperedBuild(fork, pr7);
  const hashes = (await repo.plan(main)).map((task) => task.hash);
  expect((await fork.plan(pr7)).map((task) => task.hash)).toEqual(hashes);
  expect(sources(await repo.plan(main))).toEqual(four("MISS"));
  expect(sources(await other.plan(pr8))).toEqual(four("MISS"));

  const built = await repo.build(main);
  expect(built.linesWith("cache miss, executing")).toHaveLength(4);
  await expectHonest(repo);
  const honest = await repo.outputs();

  // The pull request's second run takes its own, though main has the same hashes by now.
  await fork.forget();
  const again = await fork.build(pr7);
  expect(again.output).toContain("FULL TURBO");
  expect(await fork.outputs()).toEqual(evil);

  // Another one takes main's, as main itself does.
  for (const [clone, connection] of [
    [other, pr8],
    [repo, main],
  ] as const) {
    await clone.forget();
    const run = await clone.build(connection);
    expect(run.output).toContain("FULL TURBO");
    expect(await clone.outputs()).toEqual(honest);
  }

  // And what main has built first is not replaced by force either.
  await fork.forget();
  await fork.build(pr7, { args: ["--force"] });
  await repo.forget();
  expect((await repo.build(main)).output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(honest);
});

test.each([
  ["a token that only reads", () => connectionOf("pr-9", "read")],
  [
    "a trusted token that only reads",
    async () => ({ ...main, token: (await createToken(larder, "default", "read")).token }),
  ],
  ["no token that is any good", async () => ({ ...main, token: "anonymous" })],
])("with %s nothing is stored, the build is green, and main builds by itself", async (_, connection) => {
  await larder.cli("team", "set", "default", "--anonymous-read", "on");
  await using repo = await Monorepo.create(turbo);
  await using fork = await repo.clone();
  const stranger = await connection();

  await tamperedBuild(fork, stranger);
  expect(sources(await repo.plan(main))).toEqual(four("MISS"));
  expect(sources(await repo.plan(stranger))).toEqual(four("MISS"));
  expect((await repo.build(main)).linesWith("cache miss, executing")).toHaveLength(4);
  await expectHonest(repo);

  // The stranger reads what main has built.
  await fork.forget();
  expect((await fork.build(stranger)).output).toContain("FULL TURBO");
  expect(await fork.outputs()).toEqual(await repo.outputs());
});

test("no header, parameter or path makes an upload trusted, or another team's or scope's", async () => {
  const web = await createTeam(larder, "web");
  const { token } = await connectionOf("pr-7");
  const others = [
    new TurboClient(larder.url, main.token),
    new TurboClient(larder.url, web.token),
    new TurboClient(larder.url, (await connectionOf("pr-8")).token),
  ];
  const claims: [query: string, headers: Record<string, string>][] = [
    ["", {}],
    ["?scope=", { "x-artifact-scope": "", "x-scope": "", "x-larder-scope": "", "x-trusted": "true" }],
    ["?scope=pr-8&trusted=1&permission=admin", { "x-artifact-scope": "pr-8" }],
    ["?slug=default&slug=web", {}],
    [`?slug=web`, {}],
    [`?teamId=${web.teamId}`, { "x-team-id": web.teamId }],
    ["?slug=default", { "x-artifact-client-ci": "GITHUB_ACTIONS", "x-artifact-sha": "a".repeat(40) }],
    ["?slug=default", { "x-http-method-override": "DELETE", "x-forwarded-user": "admin" }],
  ];
  const stored: string[] = [];
  for (const [index, [query, headers]] of claims.entries()) {
    for (const prefix of ["/v8", ""]) {
      const hash = `claimed${index}${prefix.slice(1)}`;
      const stranger = new TurboClient(larder.url, token, prefix, query);
      if ((await stranger.put(hash, "evil", headers)).status === 202) stored.push(hash);
      for (const path of [`/../artifacts/${hash}`, `/%2e%2e/artifacts/${hash}`, `/${hash}%00`, `//${hash}`]) {
        await stranger.send("PUT", path, { body: "evil", headers });
      }
    }
  }
  expect(stored.length).toBeGreaterThan(8);
  const all = claims.flatMap((_, index) => [`claimed${index}`, `claimed${index}v8`]);
  for (const other of others) {
    for (const hash of all) {
      expect([(await other.get(hash)).status, (await other.head(hash)).status]).toEqual([404, 404]);
    }
    const answer = (await (await other.query(all)).json()) as Record<string, unknown>;
    expect(Object.values(answer)).toEqual(all.map(() => null));
  }
  const own = new TurboClient(larder.url, token);
  for (const hash of stored) expect(await (await own.get(hash)).text()).toBe("evil");
  // Nor does one with a scope get rid of what is trusted.
  expect((await own.send("DELETE", "")).status).toBe(403);
});
