import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseLoopbackUrl } from "../../src/sign-in/loopback-url.ts";

test.each([
  ["http://127.0.0.1:9789", 9789, "http://127.0.0.1:9789"],
  ["http://127.0.0.1:9789/", 9789, "http://127.0.0.1:9789"],
  ["http://localhost:3000/callback?a=b", 3000, "http://localhost:3000"],
  ["http://localhost", 80, "http://localhost"],
  ["http://127.0.0.1:80", 80, "http://127.0.0.1"],
  ["http://127.0.0.1:65535/a/%20b", 65535, "http://127.0.0.1:65535"],
])("%s is this computer, port %d", (text, port, source) => {
  expect(parseLoopbackUrl(text)).toMatchObject({ port, source });
});

test.each([
  "",
  "127.0.0.1:9789",
  "//127.0.0.1:9789",
  "https://127.0.0.1:9789",
  "HTTP://127.0.0.1:9789",
  "http:127.0.0.1:9789",
  "http:/127.0.0.1:9789",
  "http:\\\\127.0.0.1:9789",
  "http://127.0.0.1@evil.example",
  "http://127.0.0.1:9789@evil.example",
  "http://user@127.0.0.1:9789",
  "http://@127.0.0.1:9789",
  "http://localhost.evil.example",
  "http://localhost.",
  "http://LOCALHOST:9789",
  "http://127.0.0.1.evil.example",
  "http://127.0.0.2:9789",
  "http://127.1:9789",
  "http://2130706433:9789",
  "http://0x7f.0.0.1:9789",
  "http://0.0.0.0:9789",
  "http://[::]:9789",
  "http://[::1]:9789",
  "http://[::ffff:127.0.0.1]:9789",
  "http://[0:0:0:0:0:0:0:1]:9789",
  "http://１２７.0.0.1:9789",
  "http://127.0.0.1:9789#",
  "http://127.0.0.1:9789/#evil",
  "http://127.0.0.1:9789?a#b",
  "http://127.0.0.1\\@evil.example",
  "http://127.0.0.1:9789\\.evil.example",
  "http://127.0.0.1:9789/\\evil.example",
  "http://127.0.0.1\t:9789",
  "http://127.0.0.1:9789/\t",
  "http://127.0.0.1:9789\n",
  " http://127.0.0.1:9789",
  "http://127.0.0.1:9789 ",
  "http://127.0.0.1:9789/a b",
  "http://127.0.0.1:",
  "http://127.0.0.1:0",
  "http://127.0.0.1:09789",
  "http://127.0.0.1:65536",
  "http://127.0.0.1:99999",
  "http://127.0.0.1:-1",
  "http://127.0.0.1%00:9789",
  "http://127.0.0.1:9789;http://evil.example",
  "http://127.0.0.1:9789,http://evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  `http://127.0.0.1:9789/${"x".repeat(1000)}`,
])("%j is not", (text) => {
  expect(parseLoopbackUrl(text)).toBeUndefined();
});

describe("whatever is taken", () => {
  const pieces = [
    ...[
      "http://",
      "https://",
      "//",
      "http:",
      "127.0.0.1",
      "localhost",
      "[::1]",
      "evil.example",
      "@",
      ":",
      "/",
      "\\",
    ],
    ...["#", "?", "9789", ".", "\t", "\n", "%2f", "%40", "user", "token=x", "&", " ", "\u0000", "。", "ﬀ"],
  ];
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 9 }).map((parts) => parts.join("")),
    fc
      .tuple(
        fc.constantFrom("127.0.0.1", "localhost"),
        fc.array(fc.constantFrom(...pieces), { maxLength: 6 }),
      )
      .map(([host, parts]) => `http://${host}${parts.join("")}`),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
  );

  test("leads a browser to this computer, and to the port that is told", () => {
    let taken = 0;
    fc.assert(
      fc.property(texts, fc.string(), (text, token) => {
        const loopback = parseLoopbackUrl(text);
        if (!loopback) return;
        taken++;
        const url = new URL(loopback.with({ token, state: undefined }));
        expect(url.protocol).toBe("http:");
        expect(["127.0.0.1", "localhost"]).toContain(url.hostname);
        expect(Number(url.port || 80)).toBe(loopback.port);
        expect(url.username + url.password + url.hash).toBe("");
        expect(url.searchParams.getAll("token")).toEqual([token.toWellFormed()]);
        expect(url.pathname).toBe(new URL(text).pathname);
        // It goes into a header.
        expect(url.href).toMatch(/^[!-~]+$/);
        expect(loopback.source).toMatch(/^http:(\/\/[\w.:]+)?$/);
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("gives a state back as it came", () => {
    const loopback = parseLoopbackUrl("http://127.0.0.1:9789?state=theirs&keep=1");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (state) => {
        const url = new URL(loopback?.with({ state }) as string);
        expect(url.searchParams.get("state")).toBe(state.toWellFormed());
        expect(url.searchParams.get("keep")).toBe("1");
      }),
    );
    expect(loopback?.with({ state: undefined, token: "t" })).toBe("http://127.0.0.1:9789/?keep=1&token=t");
  });
});
