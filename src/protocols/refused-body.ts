/*
 * A client that is still sending when the connection is closed under it may never read the answer, so the body of a
 * refused request is let through to nowhere, up to a bound. The server reads and drops by itself what Content-Length
 * announces; a chunked body has no announced end, so here it is read to its end, or to the bound.
 */

/** Announced bodies beyond this get their answer and then a closed connection. */
const maxAnnouncedBytes = 4 * 1024 ** 3;
/** The same for bodies without an announced end. */
const maxChunkedBytes = 64 * 1024 ** 2;
const maxChunkedMs = 10_000;

/**
 * Deals with the rest of a body that nobody wants. To be awaited before the answer goes out.
 * @returns whether the connection can be used again afterwards; if not, the answer must say `Connection: close`.
 */
export async function dropBody(request: Request): Promise<boolean> {
  const announced = request.headers.get("content-length");
  if (announced !== null) return Number(announced) <= maxAnnouncedBytes;
  // Somebody has read it, to the end or to an error.
  if (request.bodyUsed) return false;
  return request.body === null || (await readToEnd(request.body));
}

async function readToEnd(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const deadline = Date.now() + maxChunkedMs;
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxChunkedBytes || Date.now() > deadline) return false;
    }
    return true;
  } catch {
    // The client has gone, and with it the connection.
    return false;
  }
}
