import { Refusal } from "../refusal.ts";

/** How long a small body may take to arrive. */
const maxMs = 10_000;

/**
 * The text of a small body; empty if there is none.
 * @throws Refusal `too_large`, `aborted`, or `bad_request` when it takes too long or is no UTF-8.
 */
export async function readBodyText(request: Request, maxBytes: number): Promise<string> {
  refuseLongBody(request, maxBytes);
  if (!request.body) return "";
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Refusal("bad_request", "The body took too long to arrive.")),
    maxMs,
  );
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let sizeBytes = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return text + decoder.decode();
      sizeBytes += value.byteLength;
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if ((error as Error).name === "AbortError") throw new Refusal("aborted", "The connection was closed.");
    throw new Refusal("bad_request", "The body is not valid UTF-8.");
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

/** Before anything of it is read. @throws Refusal `too_large` for a body that announces more. */
export function refuseLongBody(request: Request, maxBytes: number): void {
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal("too_large", `The body may have at most ${maxBytes} bytes; send less at a time.`);
}
