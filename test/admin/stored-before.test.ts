import { expect, test } from "bun:test";
import { join } from "node:path";
import { serverActor } from "../../src/audit/audit-log.ts";
import { createDataFolder, openDataFolder } from "../../src/database/data-folder.ts";
import { storageHistory, teamStorageHistory, teams } from "../../src/database/schema.ts";
import { Teams } from "../../src/identity/teams.ts";
import { startOfStep, stepMs, type UsageStep } from "../../src/usage/usage-span.ts";
import { startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Json } from "./api-client.ts";
import { openWorld } from "./world.ts";

const { hour: hourMs, day: dayMs } = stepMs;
const now = Date.now();
const endOf = (agoMs: number, step: UsageStep = "hour") => startOfStep(now - agoMs, step);

/** A folder of a server that is 20 days old and has written down of the last 12 what it stored, and what of it was team default's. */
async function fillFolder(dataFolder: string, writtenLast: number): Promise<void> {
  createDataFolder(dataFolder);
  const database = openDataFolder(dataFolder);
  const { id: teamId } = await new Teams(database, serverActor).ensureDefault();
  await database.write(async (tx) => {
    await tx.update(teams).set({ createdAt: now - 20 * dayMs });
    const ends = new Map<number, UsageStep>([
      [endOf(12 * dayMs, "day"), "day"],
      [writtenLast, writtenLast === startOfStep(writtenLast, "day") ? "day" : "hour"],
    ]);
    for (const [endAt, step] of ends) {
      await tx.insert(storageHistory).values({ endAt, step, storedBytes: 100 });
      await tx.insert(teamStorageHistory).values({ endAt, step, teamId, usedBytes: 60 });
    }
  });
  await database.close();
}

test("the overview tells what was stored when its time began, or first, to those who may see it", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await fillFolder(dataFolder, endOf(0));
  await using world = await openWorld({ dataFolder });
  const { admin, larder } = world;
  await world.upload(larder.firstToken, "default", "a", "12345678");
  await admin.ok("POST", "/teams", { slug: "web" });
  const viewer = await world.signIn("viewer", { default: "viewer" });

  const at = (time: number) => new Date(time).toISOString();
  const since = at(endOf(3 * dayMs));
  const first = at(endOf(12 * dayMs, "day"));
  const began = at(endOf(30 * dayMs, "day"));
  const ofTeam = `/overview?team=default&since=`;
  for (const [path, before] of [
    [`/overview?since=${since}`, { at: since, storedBytes: 100 }],
    [`/overview?since=${at(endOf(15 * dayMs))}`, { at: first, storedBytes: 100 }],
    [`/overview?since=${began}`, { at: began, storedBytes: 0 }],
    [`${ofTeam}${since}`, { at: since, storedBytes: 60 }],
    [`${ofTeam}${at(endOf(15 * dayMs))}`, { at: first, storedBytes: 60 }],
    [`${ofTeam}${began}`, { at: began, storedBytes: 0 }],
    [`/overview?team=web&since=${since}`, { at: since, storedBytes: 0 }],
  ] as const)
    expect((await admin.get(path)).storage).toMatchObject({ storedBytes: 8, before });

  const storedIn = ({ series }: Json) => series.map(({ storedBytes }: Json) => storedBytes);
  const days = storedIn(await admin.get(`/overview?since=${began}`));
  expect(days.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(days.slice(10, 17)).toEqual(Array(7).fill(null));
  expect(days.slice(17, 30)).toEqual(Array(13).fill(100));
  expect(days.at(-1)).toBe(8);

  // Of the server they see nothing, as ever.
  const ofViewer = await viewer.get(`/overview?since=${since}`);
  expect(ofViewer.storage).toMatchObject({ storedBytes: null, before: null });
  expect(new Set(storedIn(ofViewer))).toEqual(new Set([null]));
  const token = await admin.ok("POST", "/tokens", { team: "default", name: "ci", permission: "read" });
  for (const client of [viewer, world.bearer(token.secret)]) {
    const ofDefault = await client.get(`${ofTeam}${since}`);
    expect(ofDefault.storage).toMatchObject({ storedBytes: null, before: { at: since, storedBytes: 60 } });
    expect(storedIn(ofDefault)[0]).toBe(60);
    expect(storedIn(ofDefault).at(-1)).toBe(8);
  }

  const stats = async (...args: string[]) => (await larder.cli("stats", "--since", since, ...args)).stdout;
  const minute = since.slice(0, 16).replace("T", " ");
  expect(await stats()).toMatch(
    new RegExp(`^Storage +8B in 1 artifact, .* 92B less than at ${minute}$`, "m"),
  );
  expect(await stats("--team", "default")).toMatch(
    new RegExp(`^Storage .* 52B less than at ${minute}$`, "m"),
  );
  expect(await stats("--team", "web")).toMatch(new RegExp(`^Storage .* as much as at ${minute}$`, "m"));
}, 60_000);

test("a server that starts writes down what it finds for the hours since the last that was written down", async () => {
  using folder = temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const writtenLast = endOf(3 * dayMs);
  await fillFolder(dataFolder, writtenLast);
  await using larder = await startLarder({ dataFolder });
  const written = (table: string, bytes: string) =>
    rowsOf<{ endAt: number; step: UsageStep }>(
      dataFolder,
      `SELECT end_at AS endAt, step FROM ${table} WHERE ${bytes} = 0 ORDER BY end_at`,
    );
  await until(larder.url, () => written("storage_history", "stored_bytes").length > 0);
  const ends = written("storage_history", "stored_bytes");
  expect(ends[0]?.endAt).toBe(writtenLast + hourMs);
  expect(ends.at(-1)?.endAt).toBeGreaterThanOrEqual(endOf(0));
  const firstDay = startOfStep(writtenLast, "day") + dayMs;
  expect(ends.filter(({ step }) => step === "day").map(({ endAt }) => endAt)).toContain(firstDay);
  // The team has changed only once, which its day has to tell by itself.
  const ofTeam = written("team_storage_history", "used_bytes").map(({ endAt }) => endAt);
  expect(ofTeam).toEqual([...new Set([writtenLast + hourMs, firstDay])]);
}, 60_000);
