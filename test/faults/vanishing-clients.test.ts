import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type RunningLarder, startLarder } from "../larder.ts";
import { holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";

const times = 200;
const atOnce = 20;
const sizeBytes = 4 * 1024 * 1024;

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
  await connection.send(new Uint8Array((sizeBytes * (index % 10)) / 10));
  if (index % 3 === 0) connection.break();
}

/** Reads the first bytes of an artifact and goes away. */
async function leaveDownload(larder: RunningLarder, index: number): Promise<void> {
  using connection = await RawConnection.open(larder.url);
  await connection.send(head(larder, "GET", "there"));
  await connection.started();
  if (index % 3 === 0) connection.break();
}

// Open files are counted in /proc.
test.skipIf(process.platform !== "linux")(
  "clients that go away in the middle leave no file, no row and no open handle",
  async () => {
    await using larder = await startLarder();
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    const url = `${larder.url}/v8/artifacts/there`;
    await fetch(url, { method: "PUT", body: new Uint8Array(sizeBytes), headers });
    await (await fetch(url, { headers })).arrayBuffer();
    const before = holdingsOf(larder.dataFolder);
    const openHandles = () => readdirSync(`/proc/${larder.process.pid}/fd`).length;
    const handlesBefore = openHandles();

    for (const leave of [leaveUpload, leaveDownload]) {
      for (let start = 0; start < times; start += atOnce) {
        await Promise.all(Array.from({ length: atOnce }, (_, index) => leave(larder, start + index)));
      }
    }
    await until(
      larder.url,
      () => holdingsOf(larder.dataFolder).temporaryFiles.length === 0 && openHandles() <= handlesBefore,
      20_000,
    );
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
    expect((await (await fetch(url, { headers })).arrayBuffer()).byteLength).toBe(sizeBytes);
    expect(await larder.stop()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  },
  60_000,
);
