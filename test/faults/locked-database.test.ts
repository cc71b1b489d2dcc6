import { expect, test } from "bun:test";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { expectRefusal, TurboClient } from "../protocols/turbo/client.ts";
import { blobFileOf, bytesOnDisk, holdingsOf, sha256Of } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";

const holder = `
  const database = new (require("bun:sqlite").Database)(process.argv.at(-1));
  database.run("PRAGMA busy_timeout = 5000");
  database.run("BEGIN IMMEDIATE");
  console.log("held");
  // Holds on until its input ends.
  await Bun.stdin.text();
  database.run("ROLLBACK");
`;

/** Another process that holds the database for writing until it is disposed of. */
async function holdDatabase({ dataFolder }: RunningLarder): Promise<AsyncDisposable> {
  const child = Bun.spawn([process.execPath, "-e", holder, join(dataFolder, "larder.db")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  expect(value && new TextDecoder().decode(value)).toBe("held\n");
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      expect(await child.exited).toBe(0);
    },
  };
}

/** How long the server waits for the database before it refuses a write. */
const patienceMs = 5_000;
/** Below it: what takes so long has waited, too. */
const promptMs = 4_000;
/** The collector's rounds, in which uploads that failed are cleared up, are as far apart. */
const watchedMs = 2_000;

async function expectPrompt(ask: () => Promise<Response>, status: number): Promise<string> {
  const startedAt = performance.now();
  const response = await ask();
  const text = await response.text();
  expect(response.status).toBe(status);
  expect(performance.now() - startedAt).toBeLessThan(promptMs);
  return text;
}

test("an upload waits for a database that another process holds for a moment, and reads do not", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  expect((await client.put("there", "bytes")).status).toBe(202);
  let upload: Promise<Response>;
  {
    await using _ = await holdDatabase(larder);
    upload = client.put("waits", "patient");
    await until(larder.url, () => holdingsOf(larder.dataFolder).blobFiles.length === 2);
    for (let read = 0; read < 100; read++) {
      expect(await expectPrompt(() => client.get("there"), 200)).toBe("bytes");
      await expectPrompt(() => client.get("waits"), 404);
    }
    expect(Bun.peek.status(upload)).toBe("pending");
  }
  expect((await upload).status).toBe(202);
  expect(await (await client.get("waits")).text()).toBe("patient");
  expect(await larder.stop()).toBe(0);
  expect(errorLines(larder.stderr())).toEqual([]);
}, 120_000);

test("an upload is refused and keeps nothing when another process holds the database for long", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  expect((await client.put("there", "bytes")).status).toBe(202);
  const before = holdingsOf(larder.dataFolder);
  let earlier: Promise<Response>;
  let upload: Promise<Response>;
  {
    await using _ = await holdDatabase(larder);
    earlier = client.put("earlier", "earlier bytes");
    // It is the database that it waits for now.
    await until(larder.url, () => holdingsOf(larder.dataFolder).blobFiles.length === 2);
    upload = client.put("there", "other bytes");
    const askedAt = performance.now();
    // Nothing but its patience, also where others have waited before it and there is something to clear up.
    while (Bun.peek.status(upload) === "pending") {
      expect(performance.now() - askedAt).toBeLessThan(patienceMs + promptMs);
      expect(await expectPrompt(() => client.get("there"), 200)).toBe("bytes");
      await expectPrompt(() => client.query(["there"]), 200);
      for (const path of ["live", "ready"]) {
        await expectPrompt(() => fetch(`${larder.url}/health/${path}`), 200);
      }
    }
  }
  expect((await earlier).status).toBe(503);
  expect((await upload).headers.get("retry-after")).toBe("1");
  await expectRefusal(await upload, 503, "unavailable");
  await until(larder.url, () => Bun.deepEquals(holdingsOf(larder.dataFolder), before));
  expect(await (await client.get("there")).text()).toBe("bytes");

  expect((await client.put("there", "other bytes")).status).toBe(202);
  expect(await (await client.get("there")).text()).toBe("other bytes");
  expect(await larder.stop()).toBe(0);
  expect(errorLines(larder.stderr())).toEqual([]);
}, 120_000);

test("an upload of bytes that are there leaves nothing when the database is held, not even for a moment", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  expect((await client.put("there", "bytes")).status).toBe(202);
  const before = holdingsOf(larder.dataFolder);
  {
    await using _ = await holdDatabase(larder);
    await expectRefusal(await client.put("same", "bytes"), 503, "unavailable");
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
  }
}, 120_000);

test("uploads that the database was held for too long keep their room until they are cleared", async () => {
  const sizeBytes = 600_000;
  await using larder = await startLarder({ args: ["--max-size", "1MB"] });
  const client = new TurboClient(larder.url, larder.firstToken);
  let other: Promise<Response>;
  {
    await using _ = await holdDatabase(larder);
    await expectRefusal(await client.put("new", new Uint8Array(sizeBytes)), 503, "unavailable");
    // Nothing can go to make room for it.
    other = client.put("other", new Uint8Array(sizeBytes).fill(1));
    for (const deadline = performance.now() + watchedMs; performance.now() < deadline; await Bun.sleep(50)) {
      expect(bytesOnDisk(larder.dataFolder)).toBe(sizeBytes);
      expect(Bun.peek.status(other)).toBe("pending");
    }
  }
  expect((await other).status).toBe(202);
}, 120_000);

test("what is left of uploads when the server stops is cleared before, if the database is free", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  {
    await using _ = await holdDatabase(larder);
    await expectRefusal(await client.put("new", "new bytes"), 503, "unavailable");
    expect(holdingsOf(larder.dataFolder).blobFiles).toHaveLength(1);
  }
  expect(await larder.stop()).toBe(0);
  const { artifacts, blobFiles, temporaryFiles } = holdingsOf(larder.dataFolder);
  expect([artifacts, blobFiles, temporaryFiles]).toEqual([[], [], []]);
}, 120_000);

test("what could not even be cleared while another process held the database is cleared by the next start", async () => {
  await using larder = await startLarder();
  const client = new TurboClient(larder.url, larder.firstToken);
  {
    await using _ = await holdDatabase(larder);
    await expectRefusal(await client.put("new", "new bytes"), 503, "unavailable");
    expect((await client.get("new")).status).toBe(404);
    await larder.kill();
  }
  expect(holdingsOf(larder.dataFolder).blobFiles).toEqual([blobFileOf(sha256Of("new bytes"))]);

  await using again = await startLarder({ dataFolder: larder.dataFolder });
  const { artifacts, blobFiles, temporaryFiles } = holdingsOf(again.dataFolder);
  expect([artifacts, blobFiles, temporaryFiles]).toEqual([[], [], []]);
}, 120_000);
