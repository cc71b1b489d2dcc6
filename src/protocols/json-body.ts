import { Refusal } from "../refusal.ts";

/**
 * Reads a JSON body of at most `maxBytes`, whatever its Content-Type.
 * @throws Refusal `too_large`, or `bad_request` when there is none or it is no JSON.
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  if (text === "") throw new Refusal("bad_request", "The request has no body; send JSON.");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal("bad_request", `The body is not JSON: ${(error as Error).message}.`);
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new Refusal("too_large", `The body may have at most ${maxBytes} bytes; send less at a time.`);
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let sizeBytes = 0;
  try {
    for await (const chunk of request.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) throw tooLarge();
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if ((error as Error).name === "AbortError") throw new Refusal("aborted", "The connection was closed.");
    throw new Refusal("bad_request", "The body is not valid UTF-8.");
  }
}
