import { expect, test } from "bun:test";
import { join } from "node:path";
import { startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { rowsOf } from "../server/holdings.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a kill takes what was counted in the last moment, nothing that was written, and a session goes on after it", async () => {
  using scratch = temporaryFolder();
  const dataFolder = join(scratch.path, "data");
  const event = { sessionId: "s", source: "LOCAL", event: "HIT", duration: 1 } as const;
  const counted = () => {
    const [row] = rowsOf<Record<string, number | null>>(
      dataFolder,
      `SELECT (SELECT count(*) FROM runs WHERE session_id = 's') AS runs, (SELECT sum(local_hits) FROM runs) AS ofRuns,
        (SELECT sum(local_hits) FROM usage_hours) AS ofHours, (SELECT sum(local_hits) FROM usage_days) AS ofDays,
        (SELECT sum(local_hits) FROM usage_months) AS ofMonths, (SELECT sum(local_hits) FROM usage_team_hours) AS ofTeamHours,
        (SELECT sum(local_hits) FROM usage_team_days) AS ofTeamDays, (SELECT count(*) FROM events) AS ofEvents`,
    );
    return row;
  };
  const sums = (hits: number) => ({
    runs: 1,
    ofRuns: hits,
    ...{ ofHours: hits, ofDays: hits, ofMonths: hits, ofTeamHours: hits, ofTeamDays: hits },
    ofEvents: hits,
  });
  let token: string | undefined;
  let kept = 0;
  for (let round = 1; round <= 3; round++) {
    await using larder = await startLarder({ dataFolder });
    token ??= larder.firstToken;
    const client = new TurboClient(larder.url, token);
    expect((await client.report([{ ...event, hash: `kept${round}` }])).status).toBe(200);
    await until(larder.url, () => counted()?.ofDays === kept + 1);
    expect(counted()).toEqual(sums(kept + 1));
    // Mostly the next second has not come when the kill does.
    expect((await client.report([{ ...event, hash: `lost${round}` }])).status).toBe(200);
    await larder.kill();
    const left = counted()?.ofDays as number;
    expect(counted()).toEqual(sums(left));
    expect(left - kept).toBeWithin(1, 3);
    kept = left;
  }
}, 120_000);
