import { expect, test } from "bun:test";
import fc from "fast-check";
import { homeRoute, nextRoute } from "../../src/sign-in/next-route.ts";

test.each([
  "/",
  "/dashboard",
  "/account",
  "/turborepo/token?redirect_uri=http%3A%2F%2F127.0.0.1%3A9789&state=a%2Fb",
  "/a/b?next=//evil.example",
])("%s leads there", (route) => {
  expect(nextRoute(route)).toBe(route);
});

test.each([
  "",
  "account",
  "//evil.example",
  "///evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "/..//evil.example",
  "/.//evil.example",
  "/a/..//evil.example",
  "/%2e%2e//evil.example",
  "/\t/evil.example",
  "\t//evil.example",
  "/\n/evil.example",
  "/\r\nset-cookie: a=b",
  " //evil.example",
  "http://evil.example",
  "https:evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "/\u0000/evil.example",
  "/\u200b/evil.example",
])("%j leads home", (text) => {
  expect(nextRoute(text)).toBe(homeRoute);
});

test("nothing, and what is longer than any route, leads home", () => {
  expect(nextRoute(null)).toBe(homeRoute);
  expect(nextRoute(`/${"a".repeat(8_000)}`)).toBe(homeRoute);
});

test("what is left over of an encoded host stays a path", () => {
  for (const text of ["/%2Fevil.example", "/%5Cevil.example", "/%09/evil.example"]) {
    const url = new URL(nextRoute(text), "https://cache.example.org/sign-in");
    expect(url.origin).toBe("https://cache.example.org");
  }
});

const nasty = fc
  .array(
    fc.constantFrom(
      "/",
      "\\",
      ".",
      "..",
      "%2e",
      "%2f",
      "%5c",
      ":",
      "@",
      "?",
      "#",
      "\t",
      "\n",
      " ",
      "evil.example",
      "http",
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

test("whatever the text, a browser stays on the server, also below a base path", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        nasty,
        nasty.map((text) => `/${text}`),
      ),
      (text) => {
        for (const prefix of ["", "/cache"]) {
          const url = new URL(prefix + nextRoute(text), "https://cache.example.org/sign-in");
          expect(url.origin).toBe("https://cache.example.org");
          expect(url.pathname.startsWith("//")).toBe(false);
          expect(`${url.pathname}/`.startsWith(`${prefix}/`)).toBe(true);
        }
        // Twice comes to the same: the sign-in page takes from its form what it has put there itself.
        expect(nextRoute(nextRoute(text))).toBe(nextRoute(text));
      },
    ),
    { numRuns: 3_000 },
  );
});
