import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startLarder } from "../larder.ts";
import { createTeam, createToken } from "../protocols/turbo/client.ts";
import { blobFileOf, holdingsOf, rowsOf, sha256Of } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { checkKept, type LoadedTeam, loadedTeam, type ReportedEvents, startLoad } from "./mixed-load.ts";
import { Random } from "./random.ts";

const rounds = 100;
const maxLoadMs = 300;
const seed = Number(process.env.TEST_SEED ?? 1);

function checkFolder(dataFolder: string): void {
  const { artifacts, blobs, blobFiles, temporaryFiles, quarantinedFiles } = holdingsOf(dataFolder);
  expect([temporaryFiles, quarantinedFiles]).toEqual([[], []]);
  const known = new Set(blobs.map(({ sha256 }) => blobFileOf(sha256)));
  expect(blobFiles.filter((file) => !known.has(file))).toEqual([]);
  for (const { sha256 } of artifacts) {
    expect(existsSync(join(dataFolder, "blobs", blobFileOf(sha256)))).toBe(true);
  }
}

/** Not while a server runs, which may be collecting what was let go of. */
function checkBytes(dataFolder: string): void {
  for (const file of holdingsOf(dataFolder).blobFiles) {
    expect(file).toBe(blobFileOf(sha256Of(readFileSync(join(dataFolder, "blobs", file)))));
  }
}

/** A kill takes what was not written within a second; nothing counts twice, and sums, runs and rows agree. */
function checkEvents(dataFolder: string, { attempted }: ReportedEvents): void {
  const [row] = rowsOf<Record<string, number>>(
    dataFolder,
    `SELECT (SELECT count(*) FROM events WHERE kind = 1) AS ofEvents, (SELECT total(local_misses) FROM runs) AS ofRuns,
      (SELECT total(local_misses) FROM usage_hours) AS ofHours, (SELECT total(local_misses) FROM usage_days) AS ofDays,
      (SELECT total(local_misses) FROM usage_months) AS ofMonths,
      (SELECT total(local_misses) FROM usage_team_hours) AS ofTeamHours, (SELECT total(local_misses) FROM usage_team_days) AS ofTeamDays`,
  );
  const counted = row?.ofDays as number;
  expect(counted).toBeWithin(0, attempted + 1);
  const sums = { ofHours: counted, ofMonths: counted, ofTeamHours: counted, ofTeamDays: counted };
  expect(row).toMatchObject({ ofRuns: counted, ...sums });
  expect(row?.ofEvents).toBeWithin(0, counted + 1);
}

/** As if the grace of all that was let go of were over: the next start collects it, under load. */
function endGrace(dataFolder: string): void {
  using database = new Database(join(dataFolder, "larder.db"));
  database.run("UPDATE blobs SET released_at = 1 WHERE released_at IS NOT NULL");
}

test(`${rounds} kills at any moment of a mixed load take nothing that was acknowledged and leave nothing else`, async () => {
  using scratch = temporaryFolder();
  const dataFolder = join(scratch.path, "data");
  const random = new Random(seed);
  const events: ReportedEvents = { acknowledged: 0, attempted: 0 };
  const teams: LoadedTeam[] = [];
  let answered = 0;
  for (let round = 0; round < rounds; round++) {
    try {
      await using larder = await startLarder({ dataFolder });
      if (round === 0) {
        const { token } = await createTeam(larder, "purged");
        const { token: adminToken } = await createToken(larder, "purged", "admin");
        teams.push(
          loadedTeam("kept", { token: larder.firstToken }),
          loadedTeam("purged", { token, adminToken }),
        );
      }
      checkFolder(dataFolder);
      checkEvents(dataFolder, events);
      for (const team of teams) await checkKept(larder.url, team);

      const load = startLoad(larder.url, teams, events, random);
      // The moment of the kill is what is tested.
      await Promise.race([Bun.sleep(random.below(maxLoadMs)), load.ended]);
      load.ending();
      await larder.kill();
      await load.ended;
      answered += load.answered();
      checkBytes(dataFolder);
      // The kill may have cut the last line.
      const log = larder.stderr();
      expect(errorLines(log.slice(0, log.lastIndexOf("\n") + 1))).toEqual([]);
      if (round % 3 === 2) endGrace(dataFolder);
    } catch (error) {
      throw new Error(`In round ${round} of TEST_SEED=${seed}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  await using larder = await startLarder({ dataFolder });
  checkFolder(dataFolder);
  checkEvents(dataFolder, events);
  for (const team of teams) await checkKept(larder.url, team);
  expect(answered).toBeGreaterThan(rounds);
  expect(await larder.stop()).toBe(0);
}, 600_000);
