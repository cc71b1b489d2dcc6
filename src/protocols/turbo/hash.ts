import { Refusal } from "../../refusal.ts";

/**
 * The OpenAPI document shows hex, the API's own example mixed letters; `-` and `_` make it the URL-safe alphabet. None of
 * them means anything to a file system or a URL.
 */
const pattern = /^[A-Za-z0-9_-]{1,256}$/;

/** @param hash null where the router could not decode it, whatever its types say. @throws Refusal `bad_request`. */
export function checkHash(hash: string | null): string {
  if (isHash(hash)) return hash;
  throw new Refusal(
    "bad_request",
    "An artifact's hash has 1 to 256 characters, each a letter, a digit, - or _. This one does not.",
  );
}

export function isHash(hash: unknown): hash is string {
  return typeof hash === "string" && pattern.test(hash);
}

/** @param params of a path, as the router took it apart; undefined where the path has none. */
export function hashOf(params: unknown): string | undefined {
  const { hash } = (params ?? {}) as { hash?: unknown };
  return isHash(hash) ? hash : undefined;
}
