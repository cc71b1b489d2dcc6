import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { blobFileOf, holdingsOf, sha256Of } from "../server/holdings.ts";
import { errorLines } from "../server/log-lines.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { until } from "../server/until.ts";

const slowOfEachKind = 200;
const normalRequests = 500;
/** A byte a second, as a client does that hardly moves. */
const everyMs = 1_000;
// More than is held back before a file is begun, so that each upload under way is one file.
const begun = "x".repeat(300_000);
// And so much more that none comes to its end by itself, however long the others take.
const slowBody = begun + "sent slowly ".repeat(50);
/** More than sockets hold, so that the server waits for whoever does not read. */
const largeBody = new Uint8Array(Buffer.alloc(12 * 1024 * 1024, "read slowly "));

function head(larder: RunningLarder, method: string, hash: string, header = ""): string {
  return `${method} /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\nConnection: close\r\n${header}\r\n`;
}

/** Sends a byte at a time until it is told to hurry. */
class SlowUpload {
  private sent = begun.length;

  private constructor(private readonly connection: RawConnection) {}

  static async start(larder: RunningLarder, index: number): Promise<SlowUpload> {
    const connection = await RawConnection.open(larder.url);
    await connection.send(
      head(larder, "PUT", `slow${index}`, `Content-Length: ${slowBody.length}\r\n`) + begun,
    );
    return new SlowUpload(connection);
  }

  async step(): Promise<void> {
    await this.connection.send(slowBody.charAt(this.sent++));
  }

  /** @returns the answer's status. */
  async hurry(): Promise<number> {
    await this.connection.send(slowBody.slice(this.sent));
    return (await this.connection.answer()).status;
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
  }
}

/** Takes a byte at a time from its socket until it is told to hurry. */
class SlowDownload {
  private readonly hasher = new Bun.CryptoHasher("sha256");
  private head = "";

  private constructor(private readonly socket: Socket) {}

  static start(larder: RunningLarder): Promise<SlowDownload> {
    const { hostname, port } = new URL(larder.url);
    const { promise, resolve, reject } = Promise.withResolvers<SlowDownload>();
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    // Without a listener for data it reads no more than its own small buffer.
    socket.once("connect", () => {
      socket.write(head(larder, "GET", "large"));
      resolve(new SlowDownload(socket));
    });
    return promise;
  }

  async step(): Promise<void> {
    const byte = this.socket.read(1) as Buffer | null;
    if (byte) this.take(byte);
  }

  /** @returns the SHA-256 of the body. */
  async hurry(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.on("end", resolve);
    this.socket.on("error", reject);
    this.socket.on("data", (chunk: Buffer) => this.take(chunk));
    await promise;
    return this.hasher.digest("hex");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    if (this.head.endsWith("\r\n\r\n")) {
      this.hasher.update(chunk);
      return;
    }
    const end = (this.head + chunk.toString("latin1")).indexOf("\r\n\r\n");
    const inHead = end === -1 ? chunk.length : end + 4 - this.head.length;
    this.head += chunk.subarray(0, inHead).toString("latin1");
    if (inHead < chunk.length) this.take(chunk.subarray(inHead));
  }
}

/** How many of the server's downloads of this file are under way. */
function openDownloads(larder: RunningLarder, file: string): number {
  const folder = `/proc/${larder.process.pid}/fd`;
  return readdirSync(folder).filter((handle) => {
    try {
      return readlinkSync(`${folder}/${handle}`).endsWith(file);
    } catch {
      // Closed since it was listed.
      return false;
    }
  }).length;
}

// Downloads under way are seen in /proc.
test.skipIf(process.platform !== "linux")(
  `${slowOfEachKind} clients that send and ${slowOfEachKind} that read a byte a second hold nobody up, and get and give all bytes in the end`,
  async () => {
    // Of a byte a second nothing moves at the server's end of a connection until the reader's buffers are empty.
    await using larder = await startLarder({ args: ["--idle-timeout", "255s"] });
    const client = new TurboClient(larder.url, larder.firstToken);
    expect((await client.put("large", largeBody)).status).toBe(202);
    const largeSha256 = sha256Of(largeBody);
    const largeFile = blobFileOf(largeSha256);
    const slowUploads = () => holdingsOf(larder.dataFolder).temporaryFiles.length;
    using slow = new DisposableStack();
    const uploads: SlowUpload[] = [];
    const downloads: SlowDownload[] = [];
    for (let index = 0; index < slowOfEachKind; index++) {
      uploads.push(slow.use(await SlowUpload.start(larder, index)));
      downloads.push(slow.use(await SlowDownload.start(larder)));
    }
    const step = () => Promise.all([...uploads, ...downloads].map((one) => one.step()));
    await step();
    const underWay = () => ({ uploads: slowUploads(), downloads: openDownloads(larder, largeFile) });
    const all = { uploads: slowOfEachKind, downloads: slowOfEachKind };
    await until(larder.url, () => Bun.deepEquals(underWay(), all));

    const ticking = setInterval(step, everyMs);
    for (let index = 0; index < normalRequests; index++) {
      const hash = `normal${index % 20}`;
      expect((await client.put(hash, `bytes ${index}`)).status).toBe(202);
      expect(await (await client.get(hash)).text()).toBe(`bytes ${index}`);
    }
    expect(underWay()).toEqual(all);
    clearInterval(ticking);

    expect(new Set(await Promise.all(uploads.map((upload) => upload.hurry())))).toEqual(new Set([202]));
    // Not all at once: they are on the same machine.
    for (const download of downloads) expect(await download.hurry()).toBe(largeSha256);
    for (let index = 0; index < slowOfEachKind; index++) {
      expect(await (await client.get(`slow${index}`)).text()).toBe(slowBody);
    }
    await until(larder.url, () => openDownloads(larder, largeFile) === 0);
    expect(await larder.stop()).toBe(0);
    expect(slowUploads()).toBe(0);
    expect(errorLines(larder.stderr())).toEqual([]);
  },
  300_000,
);
