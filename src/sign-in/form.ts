import { Refusal } from "../refusal.ts";

const maxBytes = 64 * 1024;
const maxMs = 10_000;

/**
 * Reads what a form of a page has sent. A field that is missing reads as null.
 * @throws Refusal `bad_request` for another kind of body or one that takes too long, `too_large`, `aborted`.
 */
export async function readFormBody(request: Request): Promise<URLSearchParams> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new Refusal("bad_request", "This is no form of a page of larder. Go back, and try again.");
  }
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  return new URLSearchParams(await readText(request));
}

async function readText(request: Request): Promise<string> {
  if (!request.body) return "";
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Refusal("bad_request", "The form took too long to arrive.")),
    maxMs,
  );
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return text + decoder.decode();
      sizeBytes += value.byteLength;
      if (sizeBytes > maxBytes) throw tooLarge();
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("aborted", "The connection was closed.");
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

function tooLarge(): Refusal {
  return new Refusal("too_large", `A form may have at most ${maxBytes} bytes.`);
}
