import { expect, test } from "bun:test";
import { join } from "node:path";
import { faketime } from "../known-tools.ts";
import { startLarder } from "../larder.ts";
import { createToken, TurboClient } from "../protocols/turbo/client.ts";
import { blobFileOf, holdingsOf, rowsOf, sha256Of } from "../server/holdings.ts";
import { errorLines, logLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWith } from "../tools.ts";
import { type ShiftedClock, shiftClock } from "./shifted-clock.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describeWith(faketime, "a clock that was set back by a day", (path) => {
  /** A larder whose clock is a day ahead of everybody else's. */
  const startTomorrow = ({ env }: ShiftedClock, dataFolder: string) => startLarder({ dataFolder, env });

  test("loses no artifact and no token, and takes uploads", async () => {
    await using clock = await shiftClock(path, "+1d");
    using scratch = temporaryFolder();
    const dataFolder = join(scratch.path, "data");
    let token: string;
    let shortToken: string;
    {
      await using tomorrow = await startTomorrow(clock, dataFolder);
      token = tomorrow.firstToken;
      const client = new TurboClient(tomorrow.url, token);
      for (const [hash, body] of Object.entries({ same: "same bytes", other: "old", again: "let go of" })) {
        expect((await client.put(hash, body)).status).toBe(202);
      }
      // Lets go of these bytes, at a time that is to come again.
      expect((await client.put("again", "other bytes")).status).toBe(202);
      expect((await client.report([{ source: "LOCAL", event: "HIT", hash: "same" }])).status).toBe(200);
      shortToken = (await createToken(tomorrow, "default", "write", "--expires", "1h")).token;
      expect((await new TurboClient(tomorrow.url, shortToken).get("same")).status).toBe(200);
      expect(await tomorrow.stop()).toBe(0);
      const [first] = logLines(tomorrow.stderr());
      expect(Date.parse(first?.time as string)).toBeGreaterThan(Date.now() + dayMs - hourMs);
    }

    await using today = await startLarder({ dataFolder });
    const client = new TurboClient(today.url, token);
    const text = async (hash: string) => (await client.get(hash)).text();
    expect([await text("same"), await text("other"), await text("again")]).toEqual([
      "same bytes",
      "old",
      "other bytes",
    ]);
    // Ends at the time that it was given, which is now further away.
    expect((await new TurboClient(today.url, shortToken).get("same")).status).toBe(200);

    expect((await client.put("same", "same bytes")).status).toBe(202);
    expect((await client.put("other", "new")).status).toBe(202);
    expect((await client.put("new", "let go of")).status).toBe(202);
    expect((await client.report([{ source: "LOCAL", event: "HIT", hash: "same" }])).status).toBe(200);
    expect([await text("same"), await text("other"), await text("new")]).toEqual([
      "same bytes",
      "new",
      "let go of",
    ]);
    expect((await createToken(today, "default")).token).toStartWith("lrd_");
    expect(await today.stop()).toBe(0);
    expect(errorLines(today.stderr())).toEqual([]);
    expect(holdingsOf(dataFolder).blobFiles).toEqual(
      ["same bytes", "old", "new", "other bytes", "let go of"]
        .map((body) => blobFileOf(sha256Of(body)))
        .sort(),
    );
    expect(rowsOf(dataFolder, "SELECT hash FROM events WHERE kind = 0")).toHaveLength(2);
  }, 120_000);

  test("collects what was let go of when that time has come again, and nothing that is in use", async () => {
    await using clock = await shiftClock(path, "+1d");
    using scratch = temporaryFolder();
    const dataFolder = join(scratch.path, "data");
    let token: string;
    {
      await using today = await startLarder({ dataFolder });
      token = today.firstToken;
      const client = new TurboClient(today.url, token);
      expect((await client.put("used", "used elsewhere")).status).toBe(202);
      for (const body of ["let go of", "used elsewhere", "in use"]) {
        expect((await client.put("changing", body)).status).toBe(202);
      }
      expect(await today.stop()).toBe(0);
    }
    await using tomorrow = await startTomorrow(clock, dataFolder);
    const client = new TurboClient(tomorrow.url, token);
    const kept = ["in use", "used elsewhere"].map((body) => blobFileOf(sha256Of(body))).sort();
    await until(tomorrow.url, () => holdingsOf(dataFolder).blobFiles.length < 3);
    expect(holdingsOf(dataFolder).blobFiles).toEqual(kept);
    expect(await (await client.get("changing")).text()).toBe("in use");
    expect(await (await client.get("used")).text()).toBe("used elsewhere");
  }, 120_000);
});
