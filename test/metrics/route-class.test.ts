import { expect, test } from "bun:test";
import { routeClassOf } from "../../src/metrics/route-class.ts";

test.each([
  ["GET", "/v8/artifacts/abc", "artifact_get"],
  ["GET", "//v8/artifacts/abc", "artifact_get"],
  ["GET", "/artifacts/abc", "artifact_get"],
  ["HEAD", "/v8/artifacts/abc", "artifact_head"],
  ["PUT", "/v8/artifacts/abc", "artifact_put"],
  ["POST", "/v8/artifacts", "artifact_query"],
  ["POST", "/v8/artifacts/events", "artifact_events"],
  ["GET", "/v8/artifacts/status", "artifact_other"],
  ["OPTIONS", "/v8/artifacts/abc", "artifact_other"],
  ["DELETE", "/artifacts", "artifact_other"],
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
  const expected = { route, tool: route.startsWith("artifact_") ? "turbo" : "" };
  expect(routeClassOf(method, path, "", 200)).toEqual(expected);
  expect(routeClassOf(method, `/cache${path}`, "/cache", 200)).toEqual(expected);
  expect(routeClassOf(method, path, "/cache", 200)).toEqual(expected);
});

test.each(["/nothing", "/artifactsomething", "/v8/artifacts/abc/def", "/v8/artifactory", "", "/%2e"])(
  "%p, which is nowhere, is another",
  (path) => {
    expect(routeClassOf("GET", path, "", 404).route).toBe("other");
  },
);

test("a request whose path could not be read is another", () => {
  expect(routeClassOf("GET", undefined, "", 400).route).toBe("other");
});
