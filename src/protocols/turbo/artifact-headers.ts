import type { Artifact, ArtifactFacts } from "../../cache/artifact.ts";
import { Refusal } from "../../refusal.ts";

/** Header names in lower case, as the server gives them. */
export type RequestHeaders = Record<string, string | undefined>;

export interface ClientHeaders {
  /** The CI it runs in, such as `GITHUB_ACTIONS`. */
  clientCi: string | null;
  clientInteractive: boolean | null;
}

/** The documents set these two limits; the other texts get one too, so that no header grows without bound. */
const maxTagLength = 600;
const maxClientCiLength = 50;
const maxTextLength = 256;

/** What else cannot be echoed byte for byte in a header (RFC 9110, 5.5). */
const printable = /^[\x20-\x7e]*$/;

/** The headers that every artifact request may have. @throws Refusal `bad_request`. */
export function parseClientHeaders(headers: RequestHeaders): ClientHeaders {
  const interactive = headers["x-artifact-client-interactive"];
  if (interactive !== undefined && interactive !== "0" && interactive !== "1") {
    throw new Refusal("bad_request", "x-artifact-client-interactive is 0 or 1.");
  }
  return {
    clientCi: parseText(headers, "x-artifact-client-ci", maxClientCiLength),
    clientInteractive: interactive === undefined ? null : interactive === "1",
  };
}

/** The headers of an upload. @throws Refusal `bad_request`. */
export function parseFacts(headers: RequestHeaders, writtenBy: string | null): ArtifactFacts {
  return {
    durationMs: parseDuration(headers["x-artifact-duration"]),
    tag: parseText(headers, "x-artifact-tag", maxTagLength),
    sha: parseText(headers, "x-artifact-sha", maxTextLength),
    dirtyHash: parseText(headers, "x-artifact-dirty-hash", maxTextLength),
    ...parseClientHeaders(headers),
    writtenBy,
  };
}

/** For a team that takes signed artifacts only. @throws Refusal `signature_required`. */
export function requireTag({ tag }: ArtifactFacts): void {
  if (tag !== null) return;
  throw new Refusal(
    "signature_required",
    "This team takes signed artifacts only, and this one has no signature (x-artifact-tag).",
  );
}

/**
 * The size that an upload announces, or undefined for a chunked one, which turbo 1.x sends.
 * @throws Refusal `bad_request` when the body has neither a length nor chunks.
 */
export function parseContentLength(headers: RequestHeaders): number | undefined {
  const length = headers["content-length"];
  if (length === undefined) {
    if (headers["transfer-encoding"] !== undefined) return undefined;
    throw new Refusal("bad_request", "The upload has no Content-Length. Send the artifact's size in bytes.");
  }
  // Sent twice it arrives as "5, 5" (RFC 9110, 8.6 leaves it to us to refuse that).
  if (/^\d+$/.test(length)) return Number(length);
  throw new Refusal("bad_request", "Content-Length is the artifact's size in bytes, sent once.");
}

/** The headers of an artifact that was found, for a request with these headers. */
export function artifactHeaders(artifact: Artifact, request: RequestHeaders): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": contentType(request.accept),
    // Without it the server would name the file after the blob; with it a browser never shows what somebody uploaded.
    "content-disposition": "attachment",
    etag: etagOf(artifact),
    // Always an integer: turbo takes anything else for a broken answer, and so for a miss.
    "x-artifact-duration": String(artifact.durationMs),
  };
  // The server adds it itself to a partial answer.
  if (request.range === undefined) headers["accept-ranges"] = "bytes";
  if (artifact.tag !== null) headers["x-artifact-tag"] = artifact.tag;
  if (artifact.sha !== null) headers["x-artifact-sha"] = artifact.sha;
  if (artifact.dirtyHash !== null) headers["x-artifact-dirty-hash"] = artifact.dirtyHash;
  return headers;
}

/**
 * The API's pages give a download the media type application/json and say that it is an octet stream; turbo asks for
 * anything, and `@vercel/sdk` (1.28.35) asks for JSON and takes nothing else.
 */
function contentType(accept: string | undefined): string {
  const onlyJson = accept?.includes("application/json") && !/\*\/\*|octet-stream/.test(accept);
  return onlyJson ? "application/json" : "application/octet-stream";
}

/** Whether the client's `If-None-Match` names these bytes (RFC 9110, 13.1.2: weak comparison, `*` for any). */
export function isUnchanged(headers: RequestHeaders, artifact: Artifact): boolean {
  const known = headers["if-none-match"];
  if (known === undefined) return false;
  const etag = etagOf(artifact);
  return known.split(",").some((one) => {
    const tag = one.trim();
    return tag === "*" || tag === etag || tag === `W/${etag}`;
  });
}

function etagOf(artifact: Artifact): string {
  return `"${artifact.sha256}"`;
}

function parseDuration(text: string | undefined): number {
  if (text === undefined) return 0;
  const durationMs = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(durationMs)) return durationMs;
  throw new Refusal(
    "bad_request",
    `x-artifact-duration is the task's time in whole milliseconds, from 0 to ${Number.MAX_SAFE_INTEGER}.`,
  );
}

function parseText(headers: RequestHeaders, name: string, maxLength: number): string | null {
  const text = headers[name];
  if (text === undefined || text === "") return null;
  if (text.length > maxLength) {
    throw new Refusal(
      "bad_request",
      `${name} has at most ${maxLength} characters; this one has ${text.length}.`,
    );
  }
  if (!printable.test(text)) throw new Refusal("bad_request", `${name} has printable ASCII characters only.`);
  return text;
}
