import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type RunningLarder, startLarder } from "../larder.ts";
import { holdingsOf, rowsOf } from "./holdings.ts";
import { errorLines } from "./log-lines.ts";
import { RawConnection } from "./raw-connection.ts";
import { until } from "./until.ts";

const mebibyte = new Uint8Array(1024 * 1024).fill(7);

function head(larder: RunningLarder, method: string, hash: string, headers = ""): string {
  return `${method} /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n${headers}\r\n`;
}

/** More than the server holds in memory, so that a file shows that the upload has begun; and the rest. */
const begun = "begun ".repeat(50_000);
const rest = "rest";
const whole = begun + rest;

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** An upload of which the server has got the beginning. */
async function startUpload(larder: RunningLarder, header: string, start: string): Promise<RawConnection> {
  const connection = await RawConnection.open(larder.url);
  await connection.send(head(larder, "PUT", "slow", `${header}\r\n`) + start);
  await until(larder.url, () => readdirSync(join(larder.dataFolder, "tmp")).length > 0);
  return connection;
}

/** Resolves when the server takes no new connections. */
async function closed(larder: RunningLarder): Promise<void> {
  for (;;) {
    try {
      using connection = await RawConnection.open(larder.url);
      await connection.send("GET /health/live HTTP/1.1\r\nHost: cache.test\r\n\r\n");
      await connection.answer();
    } catch {
      return;
    }
  }
}

async function readBack(larder: RunningLarder, hash: string): Promise<Response> {
  await using again = await startLarder({ dataFolder: larder.dataFolder });
  const response = await fetch(`${again.url}/v8/artifacts/${hash}`, {
    headers: { authorization: `Bearer ${larder.firstToken}` },
  });
  return new Response(await response.arrayBuffer(), response);
}

describe("a server that is asked to stop", () => {
  test.each([
    ["with a length", `Content-Length: ${whole.length}`, begun, rest],
    ["in chunks", "Transfer-Encoding: chunked", chunk(begun), `${chunk(rest)}0\r\n\r\n`],
  ])("lets an upload finish that is under way, %s", async (_, header, start, end) => {
    await using larder = await startLarder();
    using upload = await startUpload(larder, header, start);
    const stopped = larder.stop();
    await closed(larder);
    await upload.send(end);
    const { status, headers } = await upload.answer();
    // So that the client asks elsewhere next.
    expect([status, headers.get("connection")]).toEqual([202, "close"]);
    expect(await stopped).toBe(0);
    expect(await (await readBack(larder, "slow")).text()).toBe(whole);
  });

  test("lets a download finish that is under way", async () => {
    await using larder = await startLarder();
    const sizeMiB = 48;
    using upload = await RawConnection.open(larder.url);
    await upload.send(head(larder, "PUT", "large", `Content-Length: ${sizeMiB * mebibyte.length}\r\n`));
    for (let sent = 0; sent < sizeMiB; sent++) await upload.send(mebibyte);
    expect((await upload.answer()).status).toBe(202);

    using download = await RawConnection.open(larder.url);
    await download.send(head(larder, "GET", "large"));
    await download.started();
    download.pause();
    const stopped = larder.stop();
    await closed(larder);
    download.resume();
    expect((await download.answer()).body.length).toBe(sizeMiB * mebibyte.length);
    expect(await stopped).toBe(0);
  });

  test("ends at once when only idle connections are left, whatever they were used for", async () => {
    await using larder = await startLarder({ args: ["--shutdown-timeout", "1d"] });
    using halfAsked = await RawConnection.open(larder.url);
    await halfAsked.send("GET /health/live HT");
    using used = await RawConnection.open(larder.url);
    await used.send(head(larder, "GET", "none"));
    expect((await used.answer()).status).toBe(404);
    expect(await larder.stop()).toBe(0);
    for (const connection of [halfAsked, used]) await connection.closed;
  });

  test.each([
    ["413", "lrd_", 413],
    ["401", "lrd_unknown", 401],
  ])(
    "ends at once after an upload that was refused with %s, its connection still open",
    async (_, token, status) => {
      await using larder = await startLarder({
        args: ["--shutdown-timeout", "1d", "--max-artifact-size", "1000B"],
      });
      using refused = await RawConnection.open(larder.url);
      await refused.send(
        head(larder, "PUT", "big", `Content-Length: ${8 * mebibyte.length}\r\n`).replace(
          larder.firstToken,
          status === 413 ? larder.firstToken : token,
        ),
      );
      for (let sent = 0; sent < 8; sent++) await refused.send(mebibyte);
      expect((await refused.answer()).status).toBe(status);
      expect(await larder.stop()).toBe(0);
    },
  );

  test("waits no longer than the shutdown timeout, keeps nothing of what it cut, and says so", async () => {
    await using larder = await startLarder({ args: ["--shutdown-timeout", "300ms"] });
    using upload = await startUpload(larder, `Content-Length: ${whole.length}`, begun);
    expect(await larder.stop()).toBe(0);
    await upload.closed;
    expect(larder.stderr()).toContain("transfers cut at shutdown");
    expect(errorLines(larder.stderr())).toEqual([]);
    const { artifacts, blobs, blobFiles, temporaryFiles } = holdingsOf(larder.dataFolder);
    expect([artifacts, blobs, blobFiles, temporaryFiles]).toEqual([[], [], [], []]);
    expect((await readBack(larder, "slow")).status).toBe(404);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("ends at once when it is asked again (%s)", async (signal, exitCode) => {
    await using larder = await startLarder({ args: ["--shutdown-timeout", "1d"] });
    using upload = await startUpload(larder, `Content-Length: ${whole.length}`, begun);
    larder.process.kill(signal);
    await closed(larder);
    larder.process.kill(signal);
    expect(await larder.process.exited).toBe(exitCode);
    await upload.closed;
    expect((await readBack(larder, "slow")).status).toBe(404);
    expect(holdingsOf(larder.dataFolder).temporaryFiles).toEqual([]);
  });

  test("closes the connections on which nothing is under way, while it lets an upload finish", async () => {
    await using larder = await startLarder();
    using upload = await startUpload(larder, `Content-Length: ${whole.length}`, begun);
    using idle = await RawConnection.open(larder.url);
    await idle.send("GET /health/ready HTTP/1.1\r\nHost: cache.test\r\n\r\n");
    expect((await idle.answer()).status).toBe(200);
    const stopped = larder.stop();
    await idle.closed;
    await upload.send(rest);
    expect((await upload.answer()).status).toBe(202);
    expect(await stopped).toBe(0);
  });

  test("leaves no word of itself in the data folder", async () => {
    await using larder = await startLarder();
    expect(existsSync(join(larder.dataFolder, "server.json"))).toBe(true);
    expect(await larder.stop()).toBe(0);
    expect(existsSync(join(larder.dataFolder, "server.json"))).toBe(false);
  });
});

describe("what a server has yet to write down when it is asked to stop", () => {
  /** A server whose first artifact was used long ago, and whose first token never; and a download, with that token. */
  async function useFirstArtifact(larder: RunningLarder, before: (database: Database) => void) {
    const url = `${larder.url}/v8/artifacts/kept`;
    const headers = { authorization: `Bearer ${larder.firstToken}` };
    expect((await fetch(url, { method: "PUT", body: "kept", headers })).status).toBe(202);
    {
      using database = new Database(join(larder.dataFolder, "larder.db"));
      database.run("PRAGMA busy_timeout = 5000");
      database.run("UPDATE artifacts SET last_used_at = 0");
      before(database);
    }
    const answer = await fetch(url, { headers });
    expect(await answer.text()).toBe("kept");
  }

  const usesIn = ({ dataFolder }: RunningLarder) =>
    rowsOf<{ artifact: number; token: number | null }>(
      dataFolder,
      "SELECT a.last_used_at AS artifact, t.last_used_at AS token FROM artifacts a, tokens t",
    );

  test("is there: the last uses of artifacts and tokens", async () => {
    const begin = Date.now();
    await using larder = await startLarder();
    await useFirstArtifact(larder, () => {});
    expect(await larder.stop()).toBe(0);
    const [uses] = usesIn(larder);
    expect(uses?.artifact).toBeGreaterThanOrEqual(begin);
    expect(uses?.token).toBeGreaterThanOrEqual(begin);
  });

  test("is there as far as it can be written", async () => {
    await using larder = await startLarder();
    await useFirstArtifact(larder, (database) =>
      database.run("CREATE TRIGGER stuck BEFORE UPDATE ON artifacts BEGIN SELECT RAISE(ABORT, 'stuck'); END"),
    );
    expect(await larder.stop()).toBe(1);
    expect(usesIn(larder)).toEqual([{ artifact: 0, token: expect.any(Number) as never }]);
    // It has let go of the folder all the same.
    await using again = await startLarder({ dataFolder: larder.dataFolder });
    expect(again.url).toBeTruthy();
  });
});
