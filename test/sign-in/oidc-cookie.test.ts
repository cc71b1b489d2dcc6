import { expect, test } from "bun:test";
import { Site } from "../../src/http/site.ts";
import { OidcCookie } from "../../src/sign-in/oidc-cookie.ts";

const begun = { state: "s", nonce: "n", codeVerifier: "v", next: "/account" };
const minute = 60_000;

function requestWith(setCookie?: string): Request {
  const headers = setCookie === undefined ? {} : { cookie: `other=1; ${setCookie.split(";")[0]}` };
  return new Request("http://larder.example/sign-in/oidc/callback", { headers });
}

function cookieWith(key: string, publicUrl?: string): OidcCookie {
  return new OidcCookie(new Site(publicUrl, ""), "/sign-in/oidc", key);
}

test("what a server has put into the cookie every server with the same key finds there", () => {
  const sent = cookieWith("key").begin(requestWith(), begun);
  expect(cookieWith("key").read(requestWith(sent))).toEqual(begun);
  expect(cookieWith("another key").read(requestWith(sent))).toBeUndefined();
});

test("a browser that keeps it for longer than ten minutes has nothing of it", () => {
  const cookie = cookieWith("key");
  const sent = requestWith(cookie.begin(requestWith(), begun, 0));
  expect(cookie.read(sent, 10 * minute)).toEqual(begun);
  expect(cookie.read(sent, 10 * minute + 1)).toBeUndefined();
  // Whose clock was set back has one from the future.
  expect(cookie.read(sent, -11 * minute)).toBeUndefined();
});

test("over HTTPS a cookie that another host of the domain could set does not count", () => {
  const cookie = cookieWith("key", "https://cache.example.org");
  const sent = cookie.begin(requestWith(), begun);
  expect(cookie.read(requestWith(sent))).toEqual(begun);
  for (const prefix of ["__Secure-", ""])
    expect(cookie.read(requestWith(sent.replace("__Host-", prefix)))).toBeUndefined();
});
