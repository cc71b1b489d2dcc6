import { expect, test } from "bun:test";
import { routeClassOf } from "../../src/metrics/route-class.ts";

test.each([
  ["GET", "/v8/artifacts/abc", "turbo_get"],
  ["GET", "//v8/artifacts/abc", "turbo_get"],
  ["GET", "/artifacts/abc", "turbo_get"],
  ["HEAD", "/v8/artifacts/abc", "turbo_head"],
  ["PUT", "/v8/artifacts/abc", "turbo_put"],
  ["POST", "/v8/artifacts", "turbo_query"],
  ["POST", "/v8/artifacts/events", "turbo_events"],
  ["GET", "/v8/artifacts/status", "turbo_other"],
  ["OPTIONS", "/v8/artifacts/abc", "turbo_other"],
  ["DELETE", "/artifacts", "turbo_other"],
  ["GET", "/v2/user", "account"],
  ["GET", "/v5/user/tokens/current", "account"],
  ["POST", "/oauth/token", "oauth"],
  ["GET", "/sign-in", "sign_in"],
  ["GET", "/sign-in/oidc/callback", "sign_in"],
  ["GET", "/api/auth/sso", "sign_in"],
  ["GET", "/api/v1/me", "api"],
  ["GET", "/openapi.json", "api"],
  ["GET", "/health/ready", "health"],
  ["GET", "/metrics", "metrics"],
  ["GET", "/", "dashboard"],
] as const)("%s %s is %s, below a base path too", (method, path, route) => {
  expect(routeClassOf(method, path, "", 200)).toBe(route);
  expect(routeClassOf(method, `/cache${path}`, "/cache", 200)).toBe(route);
  expect(routeClassOf(method, path, "/cache", 200)).toBe(route);
});

test.each(["/nothing", "/artifactsomething", "/v8/artifacts/abc/def", "/v8/artifactory", "", "/%2e"])(
  "%p, which is nowhere, is another",
  (path) => {
    expect(routeClassOf("GET", path, "", 404)).toBe("other");
  },
);

test("a request whose path could not be read is another", () => {
  expect(routeClassOf("GET", undefined, "", 400)).toBe("other");
});
