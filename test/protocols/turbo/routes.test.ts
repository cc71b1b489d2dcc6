import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { until } from "../../server/until.ts";
import { expectRefusal, TurboClient } from "./client.ts";

// turbo and the API pages say /v8, the OpenAPI document does not, and a proxy may put a prefix before both.
const roots = [
  { basePath: "", version: "/v8" },
  { basePath: "", version: "" },
  // turbo adds its path to a TURBO_API with a slash at its end.
  { basePath: "", version: "//v8" },
  { basePath: "/cache", version: "/v8" },
  { basePath: "/cache", version: "" },
  { basePath: "/cache", version: "//v8" },
];

const servers = new Map<string, RunningLarder>();

beforeAll(async () => {
  servers.set("", await startLarder());
  servers.set("/cache", await startLarder({ args: ["--base-path", "/cache"] }));
});
afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

describe.each(roots.map((root) => [`${root.basePath}${root.version}/artifacts`, root] as const))(
  "the Remote Cache API under %s",
  (_, { basePath, version }) => {
    const larder = () => servers.get(basePath) as RunningLarder;
    const client = () => new TurboClient(larder().url, larder().firstToken, version);
    const hash = `a${basePath.length}${version.length}`;

    test("says that caching is enabled", async () => {
      const response = await client().status();
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ status: "enabled" });
    });

    test("takes an artifact and says where it is", async () => {
      const response = await client().put(hash, "bytes", { "x-artifact-duration": "7" });
      expect(response.status).toBe(202);
      const { urls } = (await response.json()) as { urls: string[] };
      const path = `${version}/artifacts/${hash}`.replace("//", "/");
      expect(urls.map((url) => url.replace("//v8", "/v8"))).toEqual([larder().url + path]);
      const found = await fetch(urls[0] as string, {
        headers: { authorization: `Bearer ${larder().firstToken}` },
      });
      expect(await found.text()).toBe("bytes");
    });

    test("gives it back", async () => {
      const response = await client().get(hash);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      expect(response.headers.get("content-length")).toBe("5");
      expect(response.headers.get("x-artifact-duration")).toBe("7");
      expect(await response.text()).toBe("bytes");
    });

    test("says that it has it, without a body", async () => {
      const response = await client().head(hash);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe("5");
      expect(await response.text()).toBe("");
    });

    test("answers 404 for one that was never stored", async () => {
      await expectRefusal(await client().get("f00"), 404, "not_found");
      const head = await client().head("f00");
      expect(head.status).toBe(404);
      expect(await head.text()).toBe("");
    });

    test("answers a query", async () => {
      const response = await client().query([hash, "f00"]);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ [hash]: { size: 5, taskDurationMs: 7 }, f00: null });
    });

    test("takes events", async () => {
      const sessionId = crypto.randomUUID();
      const response = await client().report([{ sessionId, source: "LOCAL", event: "HIT", hash }]);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("");
      const runs = () => rowsOf(larder().dataFolder, `SELECT id FROM runs WHERE session_id = '${sessionId}'`);
      await until(larder().url, () => runs().length === 1);
    });

    // turbo sends Authorization only if this names it (2.11.11, with preflight on).
    test.each(["", "/status", "/events", "/abc"])(
      "lets a preflight of %p send Authorization, and no other site's page read the answer",
      async (path) => {
        const response = await client().send("OPTIONS", path);
        expect(response.status).toBe(204);
        expect(response.headers.get("access-control-allow-headers")).toMatch(
          /(?:^|,) *authorization *(?:,|$)/i,
        );
        for (const name of ["content-type", "user-agent", "x-artifact-duration", "x-artifact-tag"]) {
          expect(response.headers.get("access-control-allow-headers")?.toLowerCase()).toContain(name);
        }
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
      },
    );

    test("answers a preflight without a token, since browsers send none", async () => {
      const response = await fetch(`${larder().url}${version}/artifacts/abc`, { method: "OPTIONS" });
      expect(response.status).toBe(204);
    });

    test.each([
      ["", "POST, DELETE, OPTIONS", ["GET", "HEAD", "PUT", "PATCH"]],
      ["/status", "GET, OPTIONS", ["HEAD", "PUT", "POST", "PATCH", "DELETE"]],
      ["/events", "POST, OPTIONS", ["GET", "HEAD", "PUT", "PATCH", "DELETE"]],
      ["/abc", "GET, HEAD, PUT, OPTIONS", ["POST", "PATCH", "DELETE", "PROPFIND"]],
    ] as const)(
      "answers 405 to every other method of %p, and says which are allowed",
      async (path, allow, methods) => {
        for (const method of methods) {
          const response = await client().send(method, path);
          expect(response.headers.get("allow")).toBe(allow);
          if (method === "HEAD") expect([response.status, await response.text()]).toEqual([405, ""]);
          else await expectRefusal(response, 405, "method_not_allowed");
        }
      },
    );

    test.each(["/a/b", "/a/b/c", "s"])("answers 404 to artifacts%s", async (path) => {
      const message = await expectRefusal(await client().send("GET", path), 404, "not_found");
      expect(message).toContain(`/artifacts${path}`);
    });
  },
);

test.each([
  "/v8",
  "/v9/artifacts/abc",
  "//v9/artifacts/abc",
  "/v8//artifacts/abc",
  "/V8/artifacts/abc",
  "/%",
])("there is nothing at %s, and the answer says what address a client needs", async (path) => {
  const { url, firstToken } = servers.get("") as RunningLarder;
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${firstToken}` } });
  expect(await expectRefusal(response, 404, "not_found")).toContain("TURBO_API");
});

test("with a base path there is nothing without it", async () => {
  const { url, firstToken } = servers.get("/cache") as RunningLarder;
  const client = new TurboClient(new URL(url).origin, firstToken);
  expect(await expectRefusal(await client.status(), 404, "not_found")).toContain("/cache");
});
