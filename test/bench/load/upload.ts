/*
 * Uploads one big body and prints how long it took in milliseconds, from the connection to the answer. Run by uploads.ts,
 * a process for each upload. Writes straight to the socket, since `fetch` costs several times as much.
 */
import { randomBytes } from "node:crypto";

const [url, sizeText, headersText] = process.argv.slice(2) as [string, string, string];
const { hostname, port, pathname, search } = new URL(url);
const sizeBytes = Number(sizeText);

// The same block over and over, distinct from that of every other upload.
const block = randomBytes(1 << 20);
const headers = { host: hostname, "content-length": sizeText, ...JSON.parse(headersText) };
const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
const headBytes = Buffer.from(`PUT ${pathname}${search} HTTP/1.1\r\n${head.join("")}\r\n`);
const totalBytes = headBytes.length + sizeBytes;

let sentBytes = 0;
let answer = "";
const answered = Promise.withResolvers<void>();

function send(socket: Bun.Socket): void {
  while (sentBytes < totalBytes) {
    const chunk = nextChunk();
    const written = socket.write(chunk);
    sentBytes += Math.max(written, 0);
    // `drain` goes on.
    if (written < chunk.length) return;
  }
}

function nextChunk(): Uint8Array {
  if (sentBytes < headBytes.length) return headBytes.subarray(sentBytes);
  const bodyBytes = sentBytes - headBytes.length;
  const offset = bodyBytes % block.length;
  return block.subarray(offset, offset + Math.min(block.length - offset, sizeBytes - bodyBytes));
}

const startedAt = performance.now();
await Bun.connect({
  hostname,
  port: Number(port),
  socket: {
    open: send,
    drain: send,
    data(socket, chunk) {
      answer += chunk.toString("latin1");
      if (!answer.includes("\r\n\r\n")) return;
      socket.end();
      answered.resolve();
    },
    close: () => answered.resolve(),
    error: (_, error) => answered.reject(error),
  },
});
await answered.promise;
const durationMs = performance.now() - startedAt;
if (!/^HTTP\/1\.1 2/.test(answer)) {
  console.error(`PUT ${pathname} was answered with: ${answer.slice(0, 300) || "nothing"}`);
  process.exit(1);
}
console.log(durationMs);
