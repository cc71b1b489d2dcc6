import { Refusal } from "../refusal.ts";
import { readBodyText } from "./body-text.ts";

const maxBytes = 64 * 1024;

/**
 * Reads what a form of a page has sent. A field that is missing reads as null.
 * @throws Refusal `bad_request` for another kind of body or one that takes too long, `too_large`, `aborted`.
 */
export async function readFormBody(request: Request): Promise<URLSearchParams> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new Refusal("bad_request", "This is no form of a page of larder. Go back, and try again.");
  }
  return new URLSearchParams(await readBodyText(request, maxBytes));
}
