import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { emptyEnvironment, larderCommand, type RunningLarder, run, startLarder } from "../larder.ts";
import { holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const timesEach = 5_000;
const atOnce = 50;
const sizeBytes = 4 * 1024 * 1024;
/** What an upload sends at most before it is gone. */
const maxSentBytes = 300_000;
/** What all artifacts may take. Those that are under way at the same time fit in. */
const limitBytes = 512 * 1024 * 1024;
/** The allocator and the garbage collector keep more or less; some 10 KB of each client would be beyond it. */
const maxGrowthBytes = 100 * 1024 * 1024;

function head(larder: RunningLarder, method: string, hash: string, header = ""): string {
  return `${method} /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n${header}\r\n`;
}

/** Sends most of an artifact and goes away. */
async function leaveUpload(larder: RunningLarder, index: number): Promise<void> {
  using connection = await RawConnection.open(larder.url);
  const isChunked = index % 2 === 0;
  const header = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${sizeBytes}`;
  await connection.send(head(larder, "PUT", `gone${index}`, `${header}\r\n`));
  if (isChunked) await connection.send(`${sizeBytes.toString(16)}\r\n`);
  await connection.send(new Uint8Array((maxSentBytes * (index % 10)) / 10));
  if (index % 3 === 0) connection.break();
}

/** Reads the first bytes of an artifact and goes away. */
async function leaveDownload(larder: RunningLarder, index: number): Promise<void> {
  using connection = await RawConnection.open(larder.url);
  await connection.send(head(larder, "GET", "there"));
  await connection.started();
  if (index % 3 === 0) connection.break();
}

/** Goes through all ways of leaving, so many times each. */
async function leaveOften(larder: RunningLarder, times: number): Promise<void> {
  for (const leave of [leaveUpload, leaveDownload]) {
    for (let start = 0; start < times; start += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, index) => leave(larder, start + index)));
    }
  }
}

async function knowsFlag(flag: string): Promise<boolean> {
  using home = temporaryFolder();
  const env = emptyEnvironment(home.path);
  const { stdout } = await run([...larderCommand, "serve", "--help"], { cwd: home.path, env });
  return stdout.includes(`${flag} `);
}

function memoryBytes(larder: RunningLarder): number {
  const status = readFileSync(`/proc/${larder.process.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

// Memory and open files are read from /proc.
test.skipIf(process.platform !== "linux")(
  `${2 * timesEach} clients that go away in the middle leave no file, no row, no open handle and no memory`,
  async () => {
    const hasLimit = await knowsFlag("--max-size");
    await using larder = await startLarder({ args: hasLimit ? ["--max-size", `${limitBytes}`] : [] });
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    const url = `${larder.url}/v8/artifacts/there`;
    await fetch(url, { method: "PUT", body: new Uint8Array(sizeBytes), headers });
    await (await fetch(url, { headers })).arrayBuffer();
    const before = holdingsOf(larder.dataFolder);
    const openHandles = () => readdirSync(`/proc/${larder.process.pid}/fd`).length;
    const handlesBefore = openHandles();
    const areGone = () =>
      holdingsOf(larder.dataFolder).temporaryFiles.length === 0 && openHandles() <= handlesBefore;

    // The first ones fill the pools that every server has.
    await leaveOften(larder, timesEach / 10);
    await until(larder.url, areGone, 20_000);
    const memoryBefore = memoryBytes(larder);
    await leaveOften(larder, timesEach - timesEach / 10);
    await until(larder.url, areGone, 20_000);
    expect(memoryBytes(larder) - memoryBefore).toBeLessThan(maxGrowthBytes);
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
    expect((await (await fetch(url, { headers })).arrayBuffer()).byteLength).toBe(sizeBytes);
    if (hasLimit) {
      // It fits only if no room is kept for any of those that have gone.
      const body = new Uint8Array(limitBytes - sizeBytes);
      expect((await fetch(`${url}2`, { method: "PUT", body, headers })).status).toBe(202);
    }
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  },
  180_000,
);
