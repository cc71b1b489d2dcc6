/*
 * A client that is still sending when the connection is closed under it may never read the answer, so what is left of a
 * refused body is let through to nowhere, up to a bound. The server itself does so with a body that nobody has touched and
 * whose length was announced; every other one is read here.
 */

/** An announced body beyond this gets its answer and then a closed connection. */
const maxAnnouncedBytes = 4 * 1024 ** 3;
/** The same for what is read here. */
const maxReadBytes = 64 * 1024 ** 2;
const maxReadMs = 10_000;

/**
 * Deals with the rest of a body that nobody wants. To be awaited before the answer goes out.
 * @returns whether the connection can be used again afterwards; if not, the answer must say `Connection: close`.
 */
export async function dropBody(request: Request): Promise<boolean> {
  if (request.body === null) return true;
  const announced = request.headers.get("content-length");
  if (announced !== null && !request.bodyUsed) return Number(announced) <= maxAnnouncedBytes;
  return !request.body.locked && (await readToEnd(request.body));
}

async function readToEnd(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const deadline = Date.now() + maxReadMs;
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxReadBytes || Date.now() > deadline) return false;
    }
    return true;
  } catch {
    // The client has gone, and with it the connection.
    return false;
  }
}
