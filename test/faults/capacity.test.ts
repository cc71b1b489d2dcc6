import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { tmpfs } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, expectRefusal, TurboClient } from "../protocols/turbo/client.ts";
import { bytesOnDisk, holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";
import { describeWith } from "../tools.ts";
import { fill, smallDisk } from "./small-disk.ts";

const mebibyte = 1024 * 1024;

function clientOf(larder: RunningLarder): TurboClient {
  return new TurboClient(larder.url, larder.firstToken);
}

/** A mebibyte that no other number shares. */
function contentOf(index: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(mebibyte).fill(index);
}

describe("a size limit", () => {
  test("is kept while five times as much is uploaded, all of which is taken, and the newest is there", async () => {
    await using larder = await startLarder({ args: ["--max-size", "20MiB", "--verify-rate", "none"] });
    const client = clientOf(larder);
    const waiting = Array.from({ length: 100 }, (_, index) => index);
    let highest = 0;
    // As many at once as turbo has.
    const uploaders = Array.from({ length: 10 }, async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const content = contentOf(index);
        const body = index % 2 === 0 ? content : new Blob([content]).stream();
        expect([index, (await client.put(`h${index}`, body)).status]).toEqual([index, 202]);
        highest = Math.max(highest, bytesOnDisk(larder.dataFolder));
      }
    });
    const isDone = Promise.all(uploaders);
    let isUploading = true;
    const sampling = until(
      larder.url,
      () => {
        highest = Math.max(highest, bytesOnDisk(larder.dataFolder));
        return !isUploading;
      },
      100_000,
    );
    await isDone;
    isUploading = false;
    await sampling;
    expect(highest).toBeGreaterThan(10 * mebibyte);
    expect(highest).toBeLessThanOrEqual(20 * mebibyte);

    for (const index of [99, 98, 97]) {
      const found = await client.get(`h${index}`);
      expect(found.status).toBe(200);
      expect(Buffer.from(await found.arrayBuffer()).equals(contentOf(index))).toBe(true);
    }
    expect((await client.get("h0")).status).toBe(404);
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
    const { blobs, temporaryFiles } = holdingsOf(larder.dataFolder);
    const stored = blobs.reduce((total, blob) => total + blob.sizeBytes, 0);
    expect([stored, temporaryFiles]).toEqual([bytesOnDisk(larder.dataFolder), []]);
  }, 120_000);

  test("that is lowered below what is stored is reached with the next upload, and what could never fit is refused", async () => {
    await using larder = await startLarder({ args: ["--max-size", "none"] });
    for (let index = 0; index < 10; index++) await clientOf(larder).put(`h${index}`, contentOf(index));
    const { firstToken } = larder;
    await larder.stop();
    await using lower = await startLarder({
      dataFolder: larder.dataFolder,
      args: ["--max-size", "5MiB"],
    });
    const client = new TurboClient(lower.url, firstToken);
    const message = await expectRefusal(
      await client.put("huge", new Uint8Array(6 * mebibyte)),
      507,
      "no_space",
    );
    expect(message).toContain("maxSize");
    expect((await client.put("new", "new")).status).toBe(202);
    await until(lower.url, () => bytesOnDisk(lower.dataFolder) <= 5 * mebibyte);
    expect((await client.get("new")).status).toBe(200);
    expect((await client.get("h9")).status).toBe(200);
    expect((await client.get("h0")).status).toBe(404);
  }, 120_000);
});

describe("a team's quota", () => {
  test("that refuses is a 403 in the API's terms and a status, and downloads go on", async () => {
    await using larder = await startLarder();
    const client = clientOf(larder);
    expect((await client.put("a", contentOf(1))).status).toBe(202);
    const set = (...args: string[]) => cliOutput(larder, "team", "set", "default", ...args);
    await set("--quota", "2MiB", "--quota-rule", "refuse");
    expect(await (await client.status()).json()).toEqual({ status: "enabled" });
    expect((await client.put("b", contentOf(2))).status).toBe(202);

    expect(await (await client.status()).json()).toEqual({ status: "over_limit" });
    for (const body of [contentOf(3), new Blob([contentOf(3)]).stream()]) {
      const message = await expectRefusal(await client.put("c", body), 403, "remote_caching_over_limit");
      expect(message).toContain("--quota");
    }
    expect((await client.get("c")).status).toBe(404);
    for (const hash of ["a", "b"]) expect((await client.get(hash)).status).toBe(200);
    expect(holdingsOf(larder.dataFolder).temporaryFiles).toEqual([]);

    await set("--quota", "10MiB");
    expect(await (await client.status()).json()).toEqual({ status: "enabled" });
    expect((await client.put("c", contentOf(3))).status).toBe(202);
    // The last line of a log that is being written may be half of one.
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  }, 120_000);

  test("that evicts makes room with the team's own oldest, and what is larger than it is a 413", async () => {
    await using larder = await startLarder();
    const client = clientOf(larder);
    await cliOutput(larder, "team", "set", "default", "--quota", "3MiB");
    for (let index = 0; index < 5; index++) {
      expect((await client.put(`h${index}`, contentOf(index))).status).toBe(202);
    }
    const present = await Promise.all(
      [0, 1, 2, 3, 4].map(async (index) => (await client.get(`h${index}`)).status),
    );
    expect(present).toEqual([404, 404, 200, 200, 200]);
    await expectRefusal(await client.put("huge", new Uint8Array(4 * mebibyte)), 413, "larger_than_quota");
    expect(await (await client.status()).json()).toEqual({ status: "enabled" });
  }, 120_000);
});

describeWith(tmpfs, "a disk with less free than has to stay so", () => {
  test("takes no uploads and says so, serves what it has, and takes them again when there is room", async () => {
    using disk = smallDisk(64);
    await using larder = await startLarder({
      dataFolder: join(disk.folder, "data"),
      args: ["--min-free", "32MiB", "--max-size", "none"],
    });
    const client = clientOf(larder);
    const ready = () => fetch(`${larder.url}/health/ready`);
    expect((await client.put("there", "bytes")).status).toBe(202);
    expect((await ready()).status).toBe(200);

    // Less than is free, more than may be used; refused before a byte is written, or as soon as it is too much.
    const large = new Uint8Array(40 * mebibyte).fill(1);
    for (const body of [large, new Blob([large]).stream()]) {
      const message = await expectRefusal(await client.put("large", body), 507, "no_space");
      expect(message).toContain("minFree");
    }
    expect((await ready()).status).toBe(200);
    expect((await client.put("small", contentOf(2))).status).toBe(202);

    const ballast = fill(disk.folder, 16 * mebibyte);
    // What it has read of the disk's free space is a moment old.
    let answer = await ready();
    while (answer.status === 200) answer = await ready();
    expect(answer.status).toBe(503);
    const { reasons } = (await answer.json()) as { reasons: string[] };
    expect(reasons).toEqual([expect.stringContaining("minFree")]);
    await expectRefusal(await client.put("tiny", "tiny"), 507, "no_space");
    expect(await (await client.get("there")).text()).toBe("bytes");
    expect((await fetch(`${larder.url}/health/live`)).status).toBe(200);
    expect(holdingsOf(larder.dataFolder).temporaryFiles).toEqual([]);

    rmSync(ballast);
    while ((await ready()).status !== 200);
    expect((await client.put("tiny", "tiny")).status).toBe(202);
    expect(await (await client.get("tiny")).text()).toBe("tiny");
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  }, 120_000);
});
