import type { Artifact } from "../../cache/artifact.ts";
import { Refusal } from "../../refusal.ts";
import { isHash } from "./hash.ts";

/** turbo asks for at most 100 at a time (2.11.11); other clients may ask for more. */
const maxHashes = 5_000;

/** `{"hashes": [...]}` @throws Refusal `bad_request`. */
export function parseHashes(body: unknown): string[] {
  const hashes =
    typeof body === "object" && body !== null ? (body as { hashes?: unknown }).hashes : undefined;
  if (!Array.isArray(hashes)) throw new Refusal("bad_request", 'Send {"hashes": ["…", "…"]}.');
  if (hashes.length > maxHashes) {
    throw new Refusal(
      "bad_request",
      `Ask for at most ${maxHashes} hashes at a time; these are ${hashes.length}.`,
    );
  }
  const wrong = hashes.findIndex((hash) => !isHash(hash));
  if (wrong === -1) return hashes;
  throw new Refusal(
    "bad_request",
    `hashes[${wrong}] is no hash: 1 to 256 characters, each a letter, a digit, - or _.`,
  );
}

/**
 * Every asked hash, with its artifact or null for a miss. A fact that was not uploaded is left out, since the published
 * schema has no null inside; an error object a hash, which it has, would make turbo throw the whole answer away (2.11.11).
 */
export function queryAnswer(hashes: string[], found: Map<string, Artifact>): Record<string, unknown> {
  return Object.fromEntries(
    hashes.map((hash) => {
      const artifact = found.get(hash);
      return [hash, artifact ? infoOf(artifact) : null];
    }),
  );
}

function infoOf({ sizeBytes, durationMs, tag, sha, dirtyHash }: Artifact) {
  return {
    size: sizeBytes,
    taskDurationMs: durationMs,
    ...(tag !== null && { tag }),
    ...(sha !== null && { sha }),
    ...(dirtyHash !== null && { dirtyHash }),
  };
}
