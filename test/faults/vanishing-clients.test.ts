import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type RunningLarder, startLarder } from "../larder.ts";
import { holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";

const timesEach = 5_000;
const atOnce = 50;
/** Of a download: more than sockets hold. */
const sizeBytes = 4 * 1024 * 1024;
/** What an upload sends before it is gone: nothing, what the server holds in memory, and what it writes to a file. */
const sentSizesBytes = [0, 1_000, 10_000, 100_000, 280_000];
const announcedBytes = 280_001;
/**
 * What all artifacts may take. All that is announced together, and all that is sent without being announced, is less than
 * 900 MB: even if the server heard of no end before the last beginning, nothing would have to go.
 */
const limitBytes = 1024 * 1024 * 1024;
/** When its garbage is collected. 7 KB kept of each client would be more. */
const maxGrowthBytes = 64 * 1024 * 1024;
const collectedWithinMs = 60_000;

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
  await connection.send(new Uint8Array(sentSizesBytes[index % sentSizesBytes.length] as number));
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

function memoryBytes(larder: RunningLarder): number {
  const status = readFileSync(`/proc/${larder.process.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

// Memory and open files are read from /proc.
test.skipIf(process.platform !== "linux")(
  `${2 * timesEach} clients that go away in the middle leave no file, no row, no open handle and no memory`,
  async () => {
    await using larder = await startLarder({ args: ["--max-size", `${limitBytes}B`] });
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    const url = `${larder.url}/v8/artifacts/there`;
    const content = crypto.getRandomValues(new Uint8Array(65_536));
    const body = Buffer.concat(Array(sizeBytes / content.length).fill(content));
    await fetch(url, { method: "PUT", body, headers });
    const before = holdingsOf(larder.dataFolder);
    const openHandles = () => readdirSync(`/proc/${larder.process.pid}/fd`).length;
    const handlesBefore = openHandles();
    const memoryBefore = memoryBytes(larder);
    const hasGrown = () => memoryBytes(larder) - memoryBefore > maxGrowthBytes;
    const areGone = () =>
      holdingsOf(larder.dataFolder).temporaryFiles.length === 0 && openHandles() <= handlesBefore;

    await leaveOften(larder, timesEach);
    await until(larder.url, areGone, 20_000);
    await until(larder.url, () => !hasGrown(), collectedWithinMs);

    expect(holdingsOf(larder.dataFolder)).toEqual(before);
    const there = await fetch(url, { headers });
    expect(Buffer.from(await there.arrayBuffer()).equals(body)).toBe(true);
    // It fits only if no room is kept for any of those that have gone.
    const rest = new Uint8Array(limitBytes - sizeBytes);
    expect((await fetch(`${url}2`, { method: "PUT", body: rest, headers })).status).toBe(202);
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  },
  180_000,
);
