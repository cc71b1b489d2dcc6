import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startLarder } from "../larder.ts";
import { createTeam, createToken } from "../protocols/turbo/client.ts";
import { holdingsOf, rowsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { checkKept, type LoadedTeam, loadedTeam, type ReportedEvents, startLoad } from "./mixed-load.ts";
import { Random } from "./random.ts";

const rounds = 8;
const shutdownTimeoutMs = 1_000;
/** Where nothing hangs, nothing is cut on however busy a machine. */
const patientTimeoutMs = 60_000;
/** For what comes after the timeout, on a machine that has more to do. */
const clearUpMs = 20_000;
const seed = Number(process.env.TEST_SEED ?? 1);

test("a server that is asked to stop under load loses nothing that it acknowledged, and ends in time even when uploads hang", async () => {
  using scratch = temporaryFolder();
  const dataFolder = join(scratch.path, "data");
  const random = new Random(seed);
  const events: ReportedEvents = { acknowledged: 0, attempted: 0 };
  const teams: LoadedTeam[] = [];
  const temporaryFiles = () => readdirSync(join(dataFolder, "tmp")).length;
  for (let round = 0; round < rounds; round++) {
    // In every other round some uploads never end.
    const hangs = round % 2 === 1;
    await using larder = await startLarder({
      dataFolder,
      args: ["--shutdown-timeout", `${hangs ? shutdownTimeoutMs : patientTimeoutMs}ms`],
    });
    if (round === 0) {
      const { token } = await createTeam(larder, "purged");
      const { token: adminToken } = await createToken(larder, "purged", "admin");
      teams.push(
        loadedTeam("kept", { token: larder.firstToken }),
        loadedTeam("purged", { token, adminToken }),
      );
    }
    for (const team of teams) await checkKept(larder.url, team);

    using hanging = new DisposableStack();
    for (let index = 0; hangs && index < 5; index++) {
      const upload = hanging.use(await RawConnection.open(larder.url));
      await upload.send(
        `PUT /v8/artifacts/hangs${index} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${teams[0]?.token}\r\nContent-Length: 400000\r\n\r\n${"x".repeat(300_000)}`,
      );
    }
    await until(larder.url, () => temporaryFiles() === (hangs ? 5 : 0));

    const load = startLoad(larder.url, teams, events, random);
    // The moment is what is tested.
    await Promise.race([Bun.sleep(random.below(400)), load.ended]);
    load.ending();
    const askedAt = performance.now();
    const [exitCode] = await Promise.all([larder.stop(), load.ended]);
    expect([round, seed, exitCode]).toEqual([round, seed, 0]);
    expect(performance.now() - askedAt).toBeLessThan((hangs ? shutdownTimeoutMs : 0) + clearUpMs);
    expect(larder.stderr().includes("transfers cut at shutdown")).toBe(hangs);
    expect(errorLines(larder.stderr())).toEqual([]);

    const left = holdingsOf(dataFolder);
    expect(left.temporaryFiles).toEqual([]);
    expect(left.blobFiles).toHaveLength(left.blobs.length);
    const [row] = rowsOf<{ count: number }>(dataFolder, "SELECT total(local_misses) AS count FROM runs");
    expect(row?.count).toBeWithin(events.acknowledged, events.attempted + 1);
  }
  await using larder = await startLarder({ dataFolder });
  for (const team of teams) await checkKept(larder.url, team);
}, 300_000);
