import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { larderCommand, type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { holdingsOf } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { type RawAnswer, RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";

const maxOpenFiles = 64;
const limited = ["sh", "-c", `ulimit -n ${maxOpenFiles}; exec "$@"`, "sh", ...larderCommand];

function openFiles(larder: RunningLarder): number {
  return readdirSync(`/proc/${larder.process.pid}/fd`).length;
}

/** Asks on a connection that the server has accepted already. */
async function ask(
  connection: RawConnection,
  { firstToken }: RunningLarder,
  request: string,
  body = "",
): Promise<RawAnswer> {
  const length = request.startsWith("PUT") ? `Content-Length: ${body.length}\r\n` : "";
  await connection.send(
    `${request} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${firstToken}\r\n${length}\r\n${body}`,
  );
  return connection.answer();
}

// The shell sets the limit, and open files are counted in /proc.
test.skipIf(process.platform !== "linux")(
  "a server that may open no more files keeps what it acknowledges and nothing else, serves nothing wrong, and recovers",
  async () => {
    await using larder = await startLarder({ command: limited });
    // No connection is used twice, so that none stays open.
    const client = new TurboClient(larder.url, larder.firstToken);
    const put = (hash: string) => client.put(hash, `bytes of ${hash}`, { connection: "close" });
    const get = (hash: string) => client.get(hash, { connection: "close" });
    expect((await put("there")).status).toBe(202);
    // The server opens this one itself, when the answer is under way.
    const large = new Uint8Array(200_000);
    expect((await client.put("large", large, { connection: "close" })).status).toBe(202);
    const before = openFiles(larder);

    using accepted = await RawConnection.open(larder.url);
    expect((await ask(accepted, larder, "GET /v8/artifacts/there")).status).toBe(200);
    const hashes = Array.from({ length: 100 }, (_, index) => `new${index}`);
    let uploads: Promise<(Response | undefined)[]>;
    {
      using idle = new DisposableStack();
      for (let opened = 0; opened < 2 * maxOpenFiles; opened++) {
        const connection = idle.use(await RawConnection.open(larder.url));
        // Linux hands a connection over when something has arrived on it.
        await connection.send("GET /health/live HT");
      }
      while (openFiles(larder) < maxOpenFiles) await ask(accepted, larder, "GET /health/live");

      for (const request of [
        "PUT /v8/artifacts/refused",
        "PUT /v8/artifacts/there",
        "GET /v8/artifacts/there",
        "GET /v8/artifacts/large",
      ]) {
        const refused = await ask(accepted, larder, request, request.startsWith("PUT") ? "other bytes" : "");
        expect([request, refused.status]).toEqual([request, 503]);
        expect(refused.headers.get("retry-after")).toBe("1");
        expect(refused.body.toString()).toMatch(/may open no more files \(EMFILE\).*ulimit -n/);
      }
      expect((await ask(accepted, larder, "GET /v8/artifacts/none")).status).toBe(404);
      // These wait until the server can accept them, all at once.
      uploads = Promise.all(hashes.map((hash) => put(hash).catch(() => undefined)));
    }
    const answers = await uploads;
    for (const [index, hash] of hashes.entries()) {
      const status = answers[index]?.status;
      const kept = await get(hash);
      if (status === 202) expect(await kept.text()).toBe(`bytes of ${hash}`);
      else expect([hash, status ?? 503, kept.status]).toEqual([hash, 503, 404]);
    }
    expect(await (await get("there")).text()).toBe("bytes of there");
    for (const hash of hashes) expect((await put(hash)).status).toBe(202);
    for (const hash of hashes) expect(await (await get(hash)).text()).toBe(`bytes of ${hash}`);

    accepted.break();
    await until(larder.url, () => openFiles(larder) <= before + 1);
    expect(await larder.stop()).toBe(0);
    const { artifacts, blobs, blobFiles, temporaryFiles } = holdingsOf(larder.dataFolder);
    expect(artifacts.map(({ hash }) => hash)).toEqual([...hashes, "large", "there"].sort());
    expect([blobs.length, blobFiles.length, temporaryFiles]).toEqual([102, 102, []]);
    // Of the large download, whose file the server could not open.
    const reasons = errorLines(larder.stderr()).map(({ err }) => (err as { message: string }).message);
    expect(reasons.length).toBeGreaterThanOrEqual(1);
    expect(reasons.filter((reason) => !reason.includes("too many open files"))).toEqual([]);
  },
  120_000,
);
