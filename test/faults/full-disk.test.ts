import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { tmpfs } from "../known-tools.ts";
import { startLarder } from "../larder.ts";
import { holdingsOf, rowsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { describeWith } from "../tools.ts";
import { fill, smallDisk } from "./small-disk.ts";

describeWith(tmpfs, "a full disk", () => {
  test("refuses an upload with 507, keeps nothing of it, serves what it has, and takes uploads again", async () => {
    using disk = smallDisk(16);
    // Without any reserve, so that the disk itself is what says no.
    const args = ["--min-free", "0B", "--max-size", "none"];
    await using larder = await startLarder({ dataFolder: join(disk.folder, "data"), args });
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    const ask = (hash: string, body?: BodyInit) =>
      fetch(
        `${larder.url}/v8/artifacts/${hash}`,
        body === undefined ? { headers } : { method: "PUT", body, headers },
      );
    expect((await ask("there", "bytes")).status).toBe(202);
    const before = holdingsOf(larder.dataFolder);

    const large = new Uint8Array(20 * 1024 * 1024).fill(1);
    for (const body of [large, new Blob([large]).stream()]) {
      const response = await ask("large", body as BodyInit);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        507,
        "no_space",
      ]);
      expect(holdingsOf(larder.dataFolder)).toEqual(before);
    }
    const small = new Uint8Array(1024 * 1024).fill(2);
    expect((await ask("small", small)).status).toBe(202);

    // Not even the books can be written now.
    const ballast = fill(disk.folder);
    const full = holdingsOf(larder.dataFolder);
    for (const hash of ["tiny", "there"]) {
      const response = await ask(hash, `other ${hash}`.repeat(1000));
      expect([hash, response.status]).toEqual([hash, 507]);
    }
    const events = Array.from({ length: 1_000 }, (_, index) => ({
      source: "LOCAL",
      event: "HIT",
      hash: String(index).padEnd(256, "h"),
      sessionId: "s".repeat(64),
    }));
    const report = await fetch(`${larder.url}/v8/artifacts/events`, {
      method: "POST",
      body: JSON.stringify(events),
      headers,
    });
    // It waits in memory until there is room.
    expect(report.status).toBe(200);
    expect(holdingsOf(larder.dataFolder)).toEqual(full);
    expect(await (await ask("there")).text()).toBe("bytes");
    expect((await fetch(`${larder.url}/health/live`)).status).toBe(200);

    rmSync(ballast);
    expect((await ask("tiny", "now there is room")).status).toBe(202);
    expect(await (await ask("tiny")).text()).toBe("now there is room");
    expect(await larder.stop()).toBe(0);
    expect(holdingsOf(larder.dataFolder).temporaryFiles).toEqual([]);
    expect(rowsOf(larder.dataFolder, "SELECT sum(local_hits) AS hits FROM runs")).toEqual([{ hits: 1_000 }]);
    expect(errorLines(larder.stderr())).toEqual([]);
  }, 120_000);

  test("has larder say so when it cannot start for lack of room", async () => {
    using disk = smallDisk(1);
    fill(disk.folder);
    const start = startLarder({ dataFolder: join(disk.folder, "data") });
    await expect(start).rejects.toThrow(/larder: .*(full|room|space)/i);
  }, 120_000);
});
