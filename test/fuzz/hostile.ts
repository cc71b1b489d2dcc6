import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { RunningLarder } from "../larder.ts";
import { logLines } from "../server/log-lines.ts";
import { type RawAnswer, RawConnection } from "../server/raw-connection.ts";

/** In every secret that these tests make up: wherever it turns up later, a secret has got out. */
export const marker = "hushhush";

const maxAnswerMs = 60_000;

/** Every header that larder or its server sends. Another one has been smuggled in. */
const knownHeaders = new Set([
  "access-control-allow-headers",
  "access-control-allow-methods",
  "allow",
  "cache-control",
  "connection",
  "content-length",
  "content-security-policy",
  "content-type",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "date",
  "location",
  "pragma",
  "referrer-policy",
  "retry-after",
  "set-cookie",
  "transfer-encoding",
  "www-authenticate",
  "x-content-type-options",
  "x-request-id",
]);

/** What text may hold that somebody upstream, a parser, a log or a terminal takes for more than text. */
const pieces = fc.oneof(
  fc.constantFrom(
    ..." \t,;:=&?#/\\\"'<>%[]{}()@+*.~$`|^_-0".split(""),
    "\0",
    "\x1b[2J",
    "\x7f",
    "\x85",
    "\xa0",
    "\xff",
    "%00",
    "%0d%0ax-smuggled: 1",
    "%zz",
    "%ff",
    "../",
    "//",
    "..;/",
    "null",
    "undefined",
    "__proto__",
    "constructor",
    "{{7*7}}",
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "a".repeat(300),
  ),
  fc.string({ maxLength: 8 }),
);

/** Any text without a line's end, as one header can hold it; now and then a very long one. */
export const headerText = fc.oneof(
  { weight: 9, arbitrary: fc.array(pieces, { maxLength: 6 }).map((parts) => asHeader(parts.join(""))) },
  { weight: 1, arbitrary: fc.constantFrom(5_000, 20_000, 100_000).map((length) => "x".repeat(length)) },
);

/** Any text at all, for what is encoded on its way. */
export const fieldText = fc.oneof(
  fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("\r\nx-smuggled: 1\r\n\r\n", "\u2028\u202e", "\ud800", "x".repeat(70_000)),
);

/** The right text half of the time, so that something else decides; else another. */
export function mostly(text: string, other: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(fc.constant(text), other);
}

/** The text, or something near it that is not it. */
export function near(text: string): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      text,
      "",
      text.slice(0, -1),
      `${text}x`,
      text.toUpperCase(),
      text.toLowerCase(),
      `"${text}"`,
      `${text},${text}`,
      `${text}\0`,
    ),
    fc.tuple(fc.nat(text.length), pieces).map(([at, piece]) => text.slice(0, at) + piece + text.slice(at)),
  );
}

export function asHeader(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ").replaceAll(/[^\0-\xff]/g, "?");
}

/** A query of these parameters, some of which may stand in it twice. */
export function queryOf(parameters: readonly (readonly [string, string])[]): string {
  return `?${parameters.map(([name, value]) => `${name}=${encoded(value)}`).join("&")}`;
}

/** Half characters and escapes that are none stay, as a client may send them. */
function encoded(text: string): string {
  return text.replaceAll(/[^\w.~%[\]*'()!$,:@/-]/gu, (character) =>
    encodeURIComponent(character.toWellFormed()),
  );
}

export interface HostileRequest {
  method?: string;
  path: string;
  /** Host included, if it is to be another one than the server's. */
  headers?: readonly string[];
  form?: readonly (readonly [string, string])[];
}

/** Sends it byte for byte, and expects of the answer what holds for every one. @param elsewhere where else it may lead. */
export async function ask(
  larder: RunningLarder,
  { method = "GET", path, headers = [], form }: HostileRequest,
  elsewhere: (url: URL) => boolean = () => false,
): Promise<RawAnswer> {
  using connection = await RawConnection.open(larder.url);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer to ${method} ${path.slice(0, 300)}`)),
    maxAnswerMs,
  );
  const body = form && new URLSearchParams(form.map(([name, value]): [string, string] => [name, value]));
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...(headers.some((line) => /^host:/i.test(line)) ? [] : [`Host: ${new URL(larder.url).host}`]),
    ...headers,
    ...(body
      ? [
          "Content-Type: application/x-www-form-urlencoded",
          `Content-Length: ${Buffer.byteLength(body.toString())}`,
        ]
      : []),
  ];
  try {
    const sent = connection.send(`${head.join("\r\n")}\r\n\r\n${body ?? ""}`);
    const answer = await Promise.race([sent.then(() => connection.answer()), late.promise]);
    expectHarmless(answer, elsewhere);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

function expectHarmless({ status, headers, body }: RawAnswer, elsewhere: (url: URL) => boolean): void {
  const text = body.toString();
  // The server's parser refuses a head that is too large as 431, or closes the connection.
  if (status >= 500) throw new Error(`${status} ${text}`);
  const unknown = [...headers.keys()].filter((name) => !knownHeaders.has(name));
  if (unknown.length > 0) throw new Error(`headers that are not larder's: ${unknown.join(", ")}`);
  if (text.includes(marker)) throw new Error(`a secret comes back: ${text}`);
  // Whatever larder itself says, and not the server's parser, has an id.
  if (headers.has("x-request-id") && headers.get("x-content-type-options") !== "nosniff")
    throw new Error("browsers may take this for something else than it is");
  const location = headers.get("location");
  if (location !== undefined && !isOwn(location) && !elsewhere(new URL(location)))
    throw new Error(`leads to ${location}`);
  const cookie = headers.get("set-cookie");
  if (cookie !== undefined && !/^(?:__Host-|__Secure-)?larder_(?:session|oidc)=[\w.-]*; Path=\//.test(cookie))
    throw new Error(`sets ${cookie}`);
}

function isOwn(location: string): boolean {
  return location.startsWith("/") && new URL(location, "http://larder.test/a/b").host === "larder.test";
}

/** Ends it, and looks for traces: of faults, of lines that are no JSON, of secrets in its log and its database. */
export async function expectNoTraces(larder: RunningLarder, ...secrets: string[]): Promise<void> {
  expect(await larder.stop()).toBe(0);
  const lines = logLines(larder.stderr());
  expect(lines.length).toBeGreaterThan(100);
  // The longest address there is (RFC 5952, with an IPv4 one inside).
  expect(lines.filter(({ address }) => String(address ?? "").length > 45)).toEqual([]);
  expect(lines.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  const files = readdirSync(larder.dataFolder).filter((name) => name.startsWith("larder.db"));
  expect(files).toContain("larder.db");
  const kept = files.map((name) => readFileSync(join(larder.dataFolder, name), "latin1"));
  for (const secret of [marker, ...secrets]) {
    expect(larder.stderr().includes(secret)).toBe(false);
    expect(kept.some((text) => text.includes(secret))).toBe(false);
  }
}
