import { afterAll, beforeAll, expect, test } from "bun:test";
import { larderCommand, type RunningLarder, run, startLarder } from "../larder.ts";
import { cliOutput, createToken, expectRefusal } from "../protocols/turbo/client.ts";
import { parseExposition } from "./exposition.ts";
import { askMetrics, metricsToken, ownMetricsUrl, userToken } from "./metrics-client.ts";

let open: RunningLarder;
let guarded: RunningLarder;

beforeAll(async () => {
  open = await startLarder({ args: ["--metrics-port", "0", "--base-path", "/cache"] });
  guarded = await startLarder({ env: { LARDER_METRICS_TOKEN: metricsToken } });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await guarded[Symbol.asyncDispose]();
});

test("without a token nobody sees them, and is told what to do", async () => {
  for (const { url } of [open, guarded]) {
    const answer = await askMetrics(url);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="larder"');
    expect(await expectRefusal(answer, 401, "unauthorized")).toMatch(/metricsToken.*metricsPort/);
  }
});

test("a token that nobody has is refused, and one of the setting too where there is none", async () => {
  await expectRefusal(await askMetrics(guarded.url, `${metricsToken}x`), 401, "unauthorized");
  await expectRefusal(await askMetrics(guarded.url, metricsToken.slice(0, -1)), 401, "unauthorized");
  await expectRefusal(await askMetrics(open.url, metricsToken), 401, "unauthorized");
});

test("the setting's secret shows them, and nothing else", async () => {
  const answer = await askMetrics(guarded.url, metricsToken);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(parseExposition(await answer.text()).size).toBeGreaterThan(30);
  const status = await fetch(`${guarded.url}/v8/artifacts/status`, {
    headers: { authorization: `Bearer ${metricsToken}` },
  });
  expect(status.status).toBe(401);
});

test.each([
  ["of a team", async () => open.firstToken],
  ["of a team that may administer it", async () => (await createToken(open, "default", "admin")).token],
  ["of a member", () => userToken(open, "member", "admin")],
  ["of an administrator that may only write", () => userToken(open, "admin", "write")],
])("a token %s is not enough", async (_, secret) => {
  const message = await expectRefusal(await askMetrics(open.url, await secret()), 403, "forbidden");
  expect(message).toContain("metricsToken");
});

test("an administrator's own token shows them until it is revoked", async () => {
  const secret = await userToken(open, "admin", "admin");
  expect((await askMetrics(open.url, secret)).status).toBe(200);
  await cliOutput(open, "token", "revoke", secret);
  await expectRefusal(await askMetrics(open.url, secret), 401, "unauthorized");
});

test("they are found with the base path and without", async () => {
  await expectRefusal(await askMetrics(open.url), 401, "unauthorized");
  await expectRefusal(await askMetrics(new URL(open.url).origin), 401, "unauthorized");
});

test("HEAD answers as GET, and other methods with 405", async () => {
  const head = await askMetrics(guarded.url, metricsToken, "HEAD");
  expect([head.status, await head.text()]).toEqual([200, ""]);
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const answer = await askMetrics(guarded.url, metricsToken, method);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
    await expectRefusal(answer, 405, "method_not_allowed");
  }
});

test("a port of their own shows them to anybody, and nothing else", async () => {
  const url = await ownMetricsUrl(open);
  const answer = await askMetrics(url);
  expect(answer.status).toBe(200);
  parseExposition(await answer.text());
  for (const path of [
    "/",
    "/cache/metrics",
    "/health/live",
    "/v8/artifacts/status",
    "/sign-in",
    "/metrics/",
  ]) {
    const other = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${open.firstToken}` },
    });
    expect([path, other.status, await other.text()]).toEqual([path, 404, "Only /metrics is here.\n"]);
  }
  expect((await askMetrics(url, undefined, "POST")).status).toBe(405);
});

test("a port that is in use is refused at the start, with the setting's name", async () => {
  const port = new URL(await ownMetricsUrl(open)).port;
  const start = startLarder({ args: ["--metrics-port", port] });
  await expect(start).rejects.toThrow(`Port ${port} is in use on 127.0.0.1`);
  await expect(start).rejects.toThrow("--metrics-port");
});

test("a secret that is too short is refused at the start, and not repeated", async () => {
  const start = startLarder({ env: { LARDER_METRICS_TOKEN: "hunter2" } });
  await expect(start).rejects.toThrow("at least 16 printable characters");
  await start.catch((error) => expect(String(error)).not.toContain("hunter2"));
  const shown = await run([...larderCommand, "config"], {
    cwd: guarded.dataFolder,
    env: { LARDER_METRICS_TOKEN: metricsToken, HOME: guarded.dataFolder, PATH: process.env.PATH ?? "" },
  });
  expect(shown.stdout).toContain("****");
  expect(shown.stdout).not.toContain(metricsToken);
});
