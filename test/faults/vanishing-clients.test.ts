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
/** Of a download: more than sockets hold. */
const sizeBytes = 4 * 1024 * 1024;
/** Of an upload, and what it sends at most before it is gone. */
const announcedBytes = 1024 * 1024;
const maxSentBytes = 300_000;
/** What all artifacts may take. Those that are under way at the same time fit in. */
const limitBytes = 1024 * 1024 * 1024;
/** Between two rounds of the garbage collector it may be more; 15 KB kept of each client would always be. */
const maxGrowthBytes = 150 * 1024 * 1024;

function head(larder: RunningLarder, method: string, hash: string, header = ""): string {
  return `${method} /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n${header}\r\n`;
}

/** Sends some of an artifact and goes away. */
async function leaveUpload(larder: RunningLarder, index: number): Promise<void> {
  using connection = await RawConnection.open(larder.url);
  const isChunked = index % 2 === 0;
  const header = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${announcedBytes}`;
  await connection.send(head(larder, "PUT", `gone${index}`, `${header}\r\n`));
  if (isChunked) await connection.send(`${announcedBytes.toString(16)}\r\n`);
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
    const memoryBefore = memoryBytes(larder);
    const areGone = () =>
      holdingsOf(larder.dataFolder).temporaryFiles.length === 0 && openHandles() <= handlesBefore;

    await leaveOften(larder, timesEach);
    await until(larder.url, areGone, 20_000);
    // Its garbage is collected when it has nothing to do, so it is not asked meanwhile.
    for (const deadline = Date.now() + 30_000; memoryBytes(larder) - memoryBefore > maxGrowthBytes; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await Bun.sleep(100);
    }
    // Many at once reserve more than the limit, and then what was there before has to go.
    const { artifacts, blobFiles, quarantinedFiles } = holdingsOf(larder.dataFolder);
    expect(before.artifacts).toEqual(expect.arrayContaining(artifacts));
    expect([blobFiles.length, quarantinedFiles]).toEqual([artifacts.length, []]);
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
