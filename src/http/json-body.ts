import { Refusal } from "../refusal.ts";
import { readBodyText, refuseLongBody } from "./body-text.ts";
import { Turns } from "./turns.ts";

/** Room for thousands of hashes. */
const maxBytes = 1024 * 1024;
/** No body that we know nests deeper than 3; a parser's memory grows with the depth. */
const maxDepth = 8;
/**
 * Of one token or user. Bodies that come at once leave their places in milliseconds; behind some that do not, nobody holds a
 * connection for longer than such a body may take itself.
 */
const turns = new Turns({ atOnce: 8, maxWaiting: 500, maxWaitMs: 10_000 });

/**
 * Reads a small JSON body, whatever its Content-Type. Of one owner only some are read at once; the others wait with their
 * bytes unread, and nobody else's with them.
 * @param owner who asks, such as a token.
 * @throws Refusal `too_large`, or `bad_request` when there is none, it is no JSON, it nests too deep or takes too long,
 *   and as `Turns.take`.
 */
export async function readJson(request: Request, owner: string): Promise<unknown> {
  // Nobody waits in line to be told that.
  refuseLongBody(request, maxBytes);
  const text = await turns.take(owner, () => readBodyText(request, maxBytes));
  if (text === "") throw new Refusal("bad_request", "The request has no body; send JSON.");
  if (depthOf(text) > maxDepth)
    throw new Refusal("bad_request", `The JSON nests deeper than ${maxDepth} levels.`);
  const body = parse(text);
  if (!isPrintable(body)) throw new Refusal("bad_request", 'No field is called "toString".');
  return body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote the body, with whatever a terminal would obey.
    throw new Refusal("bad_request", "The body is not JSON.");
  }
}

/** Whether a message may quote it: what is there in the place of the method of all objects cannot be called. */
function isPrintable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return !Object.hasOwn(value, "toString") && Object.values(value).every(isPrintable);
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
