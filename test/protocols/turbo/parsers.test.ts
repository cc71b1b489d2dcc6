import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isUnchanged,
  parseClientHeaders,
  parseContentLength,
  parseFacts,
} from "../../../src/protocols/turbo/artifact-headers.ts";
import { parseEvents } from "../../../src/protocols/turbo/events-body.ts";
import { checkHash, isHash } from "../../../src/protocols/turbo/hash.ts";
import { parseHashes, queryAnswer } from "../../../src/protocols/turbo/query-body.ts";
import { Refusal } from "../../../src/refusal.ts";

const hashAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const hash = fc
  .array(fc.constantFrom(...hashAlphabet), { minLength: 1, maxLength: 256 })
  .map((characters) => characters.join(""));
const printable = (maxLength: number) =>
  fc
    .array(fc.integer({ min: 0x20, max: 0x7e }), { minLength: 1, maxLength })
    .map((codes) => String.fromCharCode(...codes));

/** What `work` gives, or undefined where it refuses the request. Any other failure fails the test. */
function acceptedBy<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Refusal).code).toBe("bad_request");
    return undefined;
  }
}

describe("a hash", () => {
  test("of 1 to 256 letters, digits, dashes and underscores is taken as it is", () => {
    fc.assert(
      fc.property(hash, (text) => {
        expect(isHash(text)).toBe(true);
        expect(checkHash(text)).toBe(text);
      }),
    );
  });

  test("that is taken has no character that means anything in a path or a URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const isGood =
          text.length >= 1 && text.length <= 256 && [...text].every((c) => hashAlphabet.includes(c));
        expect(isHash(text)).toBe(isGood);
        expect(acceptedBy(() => checkHash(text))).toBe(isGood ? text : undefined);
      }),
      { examples: [["a\n"], ["\na"], ["a\0"], [""], ["é"], ["ａ"], ["a".repeat(256)], ["a".repeat(257)]] },
    );
  });

  // The router gives null for a part of the path that it cannot decode, whatever its types say.
  test("that could not be decoded is refused", () => {
    expect(() => checkHash(null as never)).toThrow(Refusal);
  });
});

describe("the headers of an upload", () => {
  test("are taken as they are, within their limits", () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            "x-artifact-duration": fc.nat({ max: Number.MAX_SAFE_INTEGER }).map(String),
            "x-artifact-tag": printable(600),
            "x-artifact-sha": printable(256),
            "x-artifact-dirty-hash": printable(256),
            "x-artifact-client-ci": printable(50),
            "x-artifact-client-interactive": fc.constantFrom("0", "1"),
          },
          { requiredKeys: [] },
        ),
        (headers) => {
          expect(parseFacts(headers, "tok_1")).toEqual({
            durationMs: Number(headers["x-artifact-duration"] ?? 0),
            tag: headers["x-artifact-tag"] ?? null,
            sha: headers["x-artifact-sha"] ?? null,
            dirtyHash: headers["x-artifact-dirty-hash"] ?? null,
            clientCi: headers["x-artifact-client-ci"] ?? null,
            clientInteractive:
              headers["x-artifact-client-interactive"] === undefined
                ? null
                : headers["x-artifact-client-interactive"] === "1",
            writtenBy: "tok_1",
          });
        },
      ),
    );
  });

  test("give a duration that is a whole number of milliseconds, or are refused", () => {
    const text = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.bigInt().map(String),
      fc.integer().map(String),
    );
    fc.assert(
      fc.property(text, (text) => {
        const facts = acceptedBy(() => parseFacts({ "x-artifact-duration": text }, null));
        expect(facts !== undefined).toBe(/^\d+$/.test(text) && Number(text) <= Number.MAX_SAFE_INTEGER);
        if (facts) expect(BigInt(facts.durationMs)).toBe(BigInt(text));
      }),
      { examples: [["12.5"], ["-0"], ["1e3"], [" 1"], ["1 "], ["٣"], ["9007199254740992"], [""]] },
    );
  });

  test("give texts that can be echoed byte for byte, or are refused", () => {
    const names = [
      ["x-artifact-tag", 600],
      ["x-artifact-sha", 256],
      ["x-artifact-dirty-hash", 256],
      ["x-artifact-client-ci", 50],
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.string({ unit: "binary", maxLength: 700 }),
        ([name, limit], text) => {
          const facts = acceptedBy(() => parseFacts({ [name]: text }, null));
          expect(facts !== undefined).toBe(text.length <= limit && /^[ -~]*$/.test(text));
        },
      ),
    );
  });

  test("tell an interactive client by 0 or 1 and by nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom("true", "00", "1 ")), (text) => {
        fc.pre(text !== "0" && text !== "1");
        expect(
          acceptedBy(() => parseClientHeaders({ "x-artifact-client-interactive": text })),
        ).toBeUndefined();
      }),
    );
  });

  test("give a length that is a whole number, or are refused", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat().map(String), fc.string(), fc.constantFrom("5, 5", "0x5", "1e3")),
        (text) => {
          const length = acceptedBy(() => parseContentLength({ "content-length": text }));
          if (length !== undefined) expect(String(length)).toBe(text.replace(/^0+(?=\d)/, ""));
        },
      ),
    );
    expect(parseContentLength({ "transfer-encoding": "chunked" })).toBeUndefined();
    expect(acceptedBy(() => parseContentLength({}))).toBeUndefined();
  });
});

describe("If-None-Match", () => {
  const artifact = {
    scope: "",
    hash: "h",
    sha256: "5f".repeat(32),
    sizeBytes: 1,
    durationMs: 0,
    tag: null,
    sha: null,
    dirtyHash: null,
  };
  const etag = `"${artifact.sha256}"`;
  const other = fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: 1, maxLength: 64 })
    .map((characters) => `"${characters.join("")}"`)
    .filter((tag) => tag !== etag);

  test("matches when the artifact's tag, strong or weak, is among those it names", () => {
    fc.assert(
      fc.property(
        fc.array(other, { maxLength: 5 }),
        fc.constantFrom(etag, `W/${etag}`, undefined),
        fc.constantFrom(",", ", ", " , "),
        (others, own, comma) => {
          const header = [...others, ...(own ? [own] : [])].reverse().join(comma);
          expect(isUnchanged({ "if-none-match": header }, artifact)).toBe(own !== undefined);
        },
      ),
    );
  });

  test("never matches when it is missing", () => {
    expect(isUnchanged({}, artifact)).toBe(false);
  });
});

describe("the body of a query", () => {
  test("with hashes is taken, and anything else refused", () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 20 }), (hashes) => {
        expect(parseHashes({ hashes })).toEqual(hashes);
        expect(acceptedBy(() => parseHashes({ hashes: [...hashes, "a/b"] }))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        const hashes = acceptedBy(() => parseHashes(body));
        if (hashes) expect(hashes.every(isHash)).toBe(true);
        const within = acceptedBy(() => parseHashes({ hashes: body }));
        if (within) expect(within.every(isHash)).toBe(true);
      }),
    );
  });

  test("is answered with every hash once, and integers that turbo can read", () => {
    fc.assert(
      fc.property(fc.array(hash), fc.nat(), (hashes, durationMs) => {
        const found = new Map(
          hashes
            .filter((_, index) => index % 2 === 0)
            .map((hash) => [
              hash,
              { scope: "", hash, sha256: "", sizeBytes: 1, durationMs, tag: null, sha: "s", dirtyHash: null },
            ]),
        );
        const answer = JSON.parse(JSON.stringify(queryAnswer(hashes, found)));
        expect(new Set(Object.keys(answer))).toEqual(new Set(hashes));
        for (const hash of hashes) {
          const expected = found.has(hash) ? { size: 1, taskDurationMs: durationMs, sha: "s" } : null;
          expect(Object.getOwnPropertyDescriptor(answer, hash)?.value).toEqual(expected);
        }
      }),
      { examples: [[["__proto__", "constructor"], 1]] },
    );
  });
});

describe("a report of events", () => {
  const event = fc.record(
    {
      sessionId: fc.oneof(fc.string({ maxLength: 128 }), fc.constant(null)),
      source: fc.constantFrom("LOCAL", "REMOTE"),
      event: fc.constantFrom("HIT", "MISS"),
      hash,
      duration: fc.oneof(fc.nat({ max: 2 ** 40 }), fc.double({ min: 0, max: 1e9, noNaN: true })),
    },
    { requiredKeys: ["source", "event", "hash"] },
  );

  test("is taken with whole milliseconds", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        expect(parseEvents(events)).toEqual(
          events.map(({ sessionId, duration, ...rest }) => ({
            ...rest,
            sessionId: sessionId ?? null,
            // Adding 0 makes -0 the 0 that a database gives back.
            durationMs: Math.round(duration ?? 0) + 0,
          })) as never,
        );
      }),
    );
  });

  test("is refused whole when one of them is wrong, saying which", () => {
    const wrong = fc.constantFrom<Record<string, unknown>>(
      { source: "remote" },
      { event: "" },
      { hash: "" },
      { hash: 1 },
      { duration: -1 },
      { duration: Number.NaN },
      { sessionId: {} },
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 9 }), fc.nat(), wrong, (events, seed, wrong) => {
        const at = seed % events.length;
        const body = events.map((event, index) => (index === at ? { ...event, ...wrong } : event));
        expect(() => parseEvents(body)).toThrow(`[${at}].${Object.keys(wrong)[0]}`);
      }),
    );
  });

  test("of whatever JSON is taken or refused, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        const events = acceptedBy(() => parseEvents(body));
        if (events) expect(events.every((event) => isHash(event.hash))).toBe(true);
      }),
    );
  });
});
