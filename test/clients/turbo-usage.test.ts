import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openDataFolder } from "../../src/database/data-folder.ts";
import { type Run, Runs } from "../../src/usage/runs.ts";
import { startLarder } from "../larder.ts";
import { Monorepo } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";

setDefaultTimeout(120_000);

/** What turbo itself says of a run. */
interface Summary {
  tasks: {
    hash: string;
    cache: { status: "HIT" | "MISS"; source?: "LOCAL" | "REMOTE"; timeSaved: number };
  }[];
}

async function build(
  repo: Monorepo,
  url: string,
  token: string,
  env: Record<string, string> = {},
): Promise<Summary> {
  const before = summaries(repo);
  const { exitCode, output } = await repo.build(
    { url, token, team: "default" },
    { args: ["--summarize"], env },
  );
  expect([exitCode, exitCode === 0 ? "" : output]).toEqual([0, ""]);
  const newest = summaries(repo).find((name) => !before.includes(name)) as string;
  return JSON.parse(readFileSync(join(summaryFolder(repo), newest), "utf8"));
}

function summaryFolder({ folder }: Monorepo): string {
  return join(folder, ".turbo", "runs");
}

function summaries(repo: Monorepo): string[] {
  return existsSync(summaryFolder(repo)) ? readdirSync(summaryFolder(repo)) : [];
}

async function runsOf(dataFolder: string): Promise<Run[]> {
  const database = openDataFolder(dataFolder);
  try {
    const { items } = await new Runs(database).list({});
    return items.reverse();
  } finally {
    await database.close();
  }
}

test("the figures of a run are those that turbo has of it", async () => {
  await using larder = await startLarder();
  await using repo = await Monorepo.create(currentTurbo(), { before: { core: "sleep 0.3" } });
  const token = larder.firstToken;
  const cold = await build(repo, larder.url, token, { CI: "true", GITHUB_ACTIONS: "true" });
  await repo.forget();
  const remote = await build(repo, larder.url, token);
  const local = await build(repo, larder.url, token);
  expect(await larder.stop()).toBe(0);

  const saved = ({ tasks }: Summary) => tasks.reduce((sum, { cache }) => sum + cache.timeSaved, 0);
  const sources = ({ tasks }: Summary) => tasks.map(({ cache }) => cache.source ?? cache.status);
  expect(sources(cold)).toEqual(Array(4).fill("MISS"));
  expect(sources(remote)).toEqual(Array(4).fill("REMOTE"));
  expect(sources(local)).toEqual(Array(4).fill("LOCAL"));
  expect(saved(remote)).toBeGreaterThanOrEqual(300);

  const runs = await runsOf(larder.dataFolder);
  expect(runs).toHaveLength(3);
  expect(new Set(runs.map(({ sessionId }) => sessionId)).size).toBe(3);
  expect(runs.map(({ sessionId }) => sessionId)).not.toContain(null);
  expect(runs).toMatchObject([
    {
      tool: "turbo",
      clientCi: "GITHUB_ACTIONS",
      origin: { kind: "token", name: "first start" },
      ...{ localHits: 0, localMisses: 4, remoteHits: 0, remoteMisses: 4, uploads: 4, hitRate: 0, savedMs: 0 },
      // What the tasks took is what those saved that did not run again.
      missedMs: saved(remote),
      events: 12,
    },
    {
      clientCi: null,
      ...{ localHits: 0, localMisses: 4, remoteHits: 4, remoteMisses: 0, uploads: 0, hitRate: 1 },
      remoteSavedMs: saved(remote),
      localSavedMs: 0,
      downloadedBytes: runs[0]?.uploadedBytes,
    },
    {
      ...{ localHits: 4, localMisses: 0, remoteHits: 0, remoteMisses: 0, uploads: 0, hitRate: 1 },
      remoteSavedMs: 0,
      localSavedMs: saved(local),
    },
  ]);
});

test("a forced build counts what it uploads, and has no session", async () => {
  await using larder = await startLarder();
  await using repo = await Monorepo.create(currentTurbo());
  const args = { args: ["--force"] };
  await repo.build({ url: larder.url, token: larder.firstToken, team: "default" }, args);
  expect(await larder.stop()).toBe(0);
  // It asks for nothing and uploads all.
  expect(await runsOf(larder.dataFolder)).toMatchObject([
    { sessionId: null, remoteHits: 0, remoteMisses: 0, uploads: 4, hitRate: null },
  ]);
});
