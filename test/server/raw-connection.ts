import { connect, type Socket } from "node:net";

export interface RawAnswer {
  status: number;
  /** Names in lower case; texts as they came, one character for each byte. */
  headers: Map<string, string>;
  body: Buffer;
}

/**
 * A client that sends exactly the bytes it is given, for what `fetch` would refuse or put right. It goes on sending while
 * an answer arrives, and reads what it was answered even if the server has closed the connection.
 */
export class RawConnection implements Disposable {
  /** Resolves when the server has closed the connection, or it broke. */
  readonly closed: Promise<void>;
  private received = Buffer.alloc(0);
  private isClosed = false;
  private wake: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    const end = () => {
      this.isClosed = true;
      resolve();
      this.wake();
    };
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on("end", end);
    socket.on("close", end);
    // A reset is one of the ways in which a server closes; what was asked of us then fails by itself.
    socket.on("error", end);
  }

  static open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const { promise, resolve, reject } = Promise.withResolvers<RawConnection>();
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(new RawConnection(socket)));
    return promise;
  }

  /** Resolves when the system has taken the bytes, or the connection is broken. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.socket.write(bytes, () => resolve())) resolve();
    await Promise.race([promise, this.closed]);
  }

  /** No more bytes will come from us; the server can still answer. */
  finish(): void {
    this.socket.end();
  }

  /** Reads nothing more until `resume`, so that the server's answer piles up in front of us. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Resolves when the first bytes of an answer are here. */
  async started(): Promise<void> {
    while (this.received.length === 0) await this.more();
  }

  /** The next answer on this connection. Throws when the connection ends without a whole one. */
  async answer(options: { hasBody?: boolean } = {}): Promise<RawAnswer> {
    const head = (await this.takeUntil("\r\n\r\n")).toString("latin1");
    const [statusLine = "", ...lines] = head.split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
    if (!status) throw new Error(`This is no answer: ${statusLine}`);
    const headers = new Map(
      lines.filter(Boolean).map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    if (status === 100) return this.answer(options);
    const isEmpty = options.hasBody === false || status === 204 || status === 304;
    return { status, headers, body: isEmpty ? Buffer.alloc(0) : await this.takeBody(headers) };
  }

  /** Everything until the server closes the connection. */
  async rest(): Promise<Buffer> {
    await this.closed;
    return this.received;
  }

  /** Breaks the connection, with a reset, as a client does that is killed. */
  break(): void {
    this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private async takeBody(headers: Map<string, string>): Promise<Buffer> {
    const length = headers.get("content-length");
    if (length !== undefined) return this.take(Number(length));
    if (headers.get("transfer-encoding") !== "chunked") return this.rest();
    const chunks: Buffer[] = [];
    for (;;) {
      const sizeBytes = Number.parseInt((await this.takeUntil("\r\n")).toString("latin1"), 16);
      const chunk = await this.take(sizeBytes);
      await this.takeUntil("\r\n");
      if (sizeBytes === 0) return Buffer.concat(chunks);
      chunks.push(chunk);
    }
  }

  private async takeUntil(mark: string): Promise<Buffer> {
    for (;;) {
      const at = this.received.indexOf(mark);
      if (at !== -1) return this.take(at + mark.length);
      await this.more();
    }
  }

  private async take(sizeBytes: number): Promise<Buffer> {
    while (this.received.length < sizeBytes) await this.more();
    const taken = this.received.subarray(0, sizeBytes);
    this.received = this.received.subarray(sizeBytes);
    return taken;
  }

  private async more(): Promise<void> {
    if (this.isClosed) {
      throw new Error(
        `The connection ended in the middle of an answer, after: ${this.received.toString("latin1")}`,
      );
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    await promise;
  }
}
