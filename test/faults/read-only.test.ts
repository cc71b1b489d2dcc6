import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tmpfs } from "../known-tools.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { expectRefusal, TurboClient } from "../protocols/turbo/client.ts";
import { holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeWith } from "../tools.ts";

/** Nothing in this folder can be created, removed or renamed until it is disposed of, whoever wants to. */
function makeReadOnly(folder: string): Disposable {
  // A mount through which something is just being written cannot be made read-only, so it is made so aside, where
  // nobody comes by, and then laid over the folder.
  const aside = mkdtempSync(join(tmpdir(), "larder-read-only-"));
  run("mount", "--bind", folder, aside);
  try {
    run("mount", "-o", "remount,ro,bind", aside);
    run("mount", "--bind", aside, folder);
  } finally {
    run("umount", aside);
    rmdirSync(aside);
  }
  return { [Symbol.dispose]: () => run("umount", "--lazy", folder) };
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
}

async function readinessOf(larder: RunningLarder): Promise<[number, string]> {
  const response = await fetch(`${larder.url}/health/ready`);
  return [response.status, await response.text()];
}

async function expectNotWritable(response: Response): Promise<void> {
  expect(response.headers.get("retry-after")).toBe("30");
  const message = await expectRefusal(response, 503, "unavailable");
  expect(message).toMatch(
    /cannot write to its data folder \(EROFS\)\. Nothing was stored\. .*right to write/,
  );
}

describeWith(tmpfs, "a data folder that has become read-only", () => {
  test("takes no upload and keeps nothing of one, serves what it has, says that it is not ready, and recovers", async () => {
    await using larder = await startLarder();
    const client = new TurboClient(larder.url, larder.firstToken);
    expect((await client.put("there", "bytes")).status).toBe(202);
    const before = holdingsOf(larder.dataFolder);
    const readiness = () => readinessOf(larder);
    expect(await readiness()).toEqual([200, expect.any(String)]);
    {
      using _ = makeReadOnly(larder.dataFolder);
      await expectNotWritable(await client.put("new", "new bytes"));
      await expectNotWritable(await client.put("there", "other bytes"));
      await expectNotWritable(await client.put("new", new Blob(["in chunks"]).stream()));
      await expectNotWritable(await client.put("new", new Uint8Array(1_000_000)));
      expect(await (await client.get("there")).text()).toBe("bytes");
      expect((await client.get("new")).status).toBe(404);
      expect((await fetch(`${larder.url}/health/live`)).status).toBe(200);
      expect(await readiness()).toEqual([503, expect.stringMatching(/EROFS|read-only/i)]);
      expect(holdingsOf(larder.dataFolder)).toEqual(before);
    }
    expect(await readiness()).toEqual([200, expect.any(String)]);
    expect((await client.put("there", "other bytes")).status).toBe(202);
    expect(await (await client.get("there")).text()).toBe("other bytes");
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  }, 120_000);

  test("keeps nothing of an upload that was received and could not be given its name", async () => {
    await using larder = await startLarder();
    const client = new TurboClient(larder.url, larder.firstToken);
    expect((await client.put("there", "bytes")).status).toBe(202);
    const before = holdingsOf(larder.dataFolder);
    {
      using _ = makeReadOnly(join(larder.dataFolder, "blobs"));
      await expectNotWritable(await client.put("new", "new bytes"));
      await expectNotWritable(await client.put("there", "other bytes"));
      expect(await (await client.get("there")).text()).toBe("bytes");
      expect(holdingsOf(larder.dataFolder)).toEqual(before);
    }
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  }, 120_000);

  test.each(["blobs", "tmp"])("is not ready for uploads when only %s in it is", async (name) => {
    await using larder = await startLarder();
    {
      using _ = makeReadOnly(join(larder.dataFolder, name));
      const reason = new RegExp(`(EROFS|read-only).*${name}`, "i");
      expect(await readinessOf(larder)).toEqual([503, expect.stringMatching(reason)]);
    }
    expect(await readinessOf(larder)).toEqual([200, expect.any(String)]);
  });

  test.each(["that is there", "that is yet to be made", "that a larder has been in"])(
    "has larder say so when it starts with one %s",
    async (kind) => {
      using scratch = temporaryFolder();
      const dataFolder = join(scratch.path, "data");
      if (kind === "that is there") mkdirSync(dataFolder);
      if (kind === "that a larder has been in") {
        await using larder = await startLarder({ dataFolder });
        expect(await larder.stop()).toBe(0);
      }
      using _ = makeReadOnly(scratch.path);
      const start = startLarder({ dataFolder });
      await expect(start).rejects.toThrow(/larder: Cannot use the data folder .*read-only.* --data/i);
    },
    120_000,
  );
});
