import { Refusal } from "../refusal.ts";

/** Room for thousands of hashes. */
const maxBytes = 1024 * 1024;
/** No body that we know nests deeper than 3; a parser's memory grows with the depth. */
const maxDepth = 8;
/** How long it may take to arrive, and how many may be in memory at the same time. */
const maxMs = 30_000;
const maxAtOnce = 32;

const places = { taken: 0, waiting: [] as (() => void)[] };

/**
 * Reads a small JSON body, whatever its Content-Type. Only some are read at once; the others wait with their bytes unread.
 * @throws Refusal `too_large`, or `bad_request` when there is none, it is no JSON, or it nests too deep.
 */
export async function readJson(request: Request): Promise<unknown> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const text = await inTurn(() => readText(request));
  if (text === "") throw new Refusal("bad_request", "The request has no body; send JSON.");
  if (depthOf(text) > maxDepth)
    throw new Refusal("bad_request", `The JSON nests deeper than ${maxDepth} levels.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal("bad_request", `The body is not JSON: ${(error as Error).message}.`);
  }
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (places.taken >= maxAtOnce) await new Promise<void>((go) => places.waiting.push(go));
  else places.taken++;
  try {
    return await work();
  } finally {
    const next = places.waiting.shift();
    if (next) next();
    else places.taken--;
  }
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const deadline = performance.now() + maxMs;
  let text = "";
  let sizeBytes = 0;
  try {
    for await (const chunk of request.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) throw tooLarge();
      if (performance.now() > deadline) throw new Refusal("bad_request", "The body took too long to arrive.");
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if ((error as Error).name === "AbortError") throw new Refusal("aborted", "The connection was closed.");
    throw new Refusal("bad_request", "The body is not valid UTF-8.");
  }
}

/** How deep arrays and objects lie in each other, as far as a look at the brackets outside of strings tells. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}

function tooLarge(): Refusal {
  return new Refusal("too_large", `The body may have at most ${maxBytes} bytes; send less at a time.`);
}
