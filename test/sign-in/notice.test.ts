import { expect, test } from "bun:test";
import fc from "fast-check";
import { notice, noticeOf, withNotice } from "../../src/sign-in/notice.ts";

function request(route: string, site?: string): Request {
  return new Request(
    `http://localhost${route}`,
    site === undefined ? {} : { headers: { "sec-fetch-site": site } },
  );
}

test("a page says what has been done, if it has to do with it", () => {
  const route = withNotice("/account", "token-revoked", { token: "tok_1" });
  expect(route).toBe("/account?notice=token-revoked&token=tok_1");
  for (const site of [undefined, "same-origin"])
    expect(noticeOf(request(route, site), "password-changed", "token-revoked")).toBe("token-revoked");
  expect(noticeOf(request(route), "signed-out")).toBeUndefined();
});

test.each(["cross-site", "same-site", "none", ""])(
  "a link that the browser calls %p says nothing",
  (site) => {
    expect(noticeOf(request(withNotice("/sign-in", "signed-out"), site), "signed-out")).toBeUndefined();
  },
);

test("an address cannot put words into a page", () => {
  const codes = fc.oneof(fc.string(), fc.constantFrom("constructor", "__proto__", "toString", "signed-out "));
  fc.assert(
    fc.property(codes, (code) => {
      fc.pre(code !== "signed-out");
      const found = noticeOf(request(`/sign-in?${new URLSearchParams({ notice: code })}`), "signed-out");
      expect(notice(found)).toBeUndefined();
    }),
  );
});
