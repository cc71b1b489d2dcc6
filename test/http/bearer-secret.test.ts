import { expect, test } from "bun:test";
import { bearerSecret } from "../../src/http/bearer-secret.ts";

test.each([
  ["Bearer abc", "abc"],
  ["bearer abc", "abc"],
  ["BEARER   abc  ", "abc"],
  ["Bearer a b", "a b"],
  ["Bearer", undefined],
  ["Bearer ", undefined],
  ["Bearerabc", undefined],
  ["Basic abc", undefined],
  ["", undefined],
])("of %p the secret is %p", (authorization, secret) => {
  expect(bearerSecret(new Request("http://cache.test", { headers: { authorization } }))).toBe(secret);
});

test("what a URL says is no secret, and a request without the header has none", () => {
  expect(bearerSecret(new Request("http://cache.test/?access_token=abc"))).toBeUndefined();
});
