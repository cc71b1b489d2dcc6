import { expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";
import { errorLines, type LogLine, logLines } from "./log-lines.ts";
import { RawConnection } from "./raw-connection.ts";

/** Every request that the server has logged, in order. The last lines come when it ends. */
async function requestsOf(larder: RunningLarder): Promise<LogLine[]> {
  expect(await larder.stop()).toBe(0);
  return logLines(larder.stderr()).filter(({ msg }) => msg === "request");
}

test("every request is one line of JSON: what was asked, by whom, and how it ended", async () => {
  await using larder = await startLarder();
  const headers = { authorization: `Bearer ${larder.firstToken}`, "user-agent": "turbo 2.11.11" };
  const artifact = `${larder.url}/v8/artifacts/abc`;
  await fetch(`${artifact}?slug=default`, { method: "PUT", body: "x", headers });
  await fetch(artifact, { headers: { ...headers, "if-none-match": "*" } });
  await fetch(artifact, { headers: { authorization: "Bearer lrd_wrong" } });
  await fetch(`${larder.url}/no\nwhere"`);
  const [put, unchanged, refused, nowhere] = await requestsOf(larder);
  expect(put).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    requestId: expect.any(String),
    method: "PUT",
    path: "/v8/artifacts/abc",
    status: 202,
    durationMs: expect.any(Number),
    address: "127.0.0.1",
    client: "turbo 2.11.11",
    team: "default",
    token: "first start",
    msg: "request",
  } as never);
  expect(unchanged).toMatchObject({ method: "GET", status: 304, team: "default" });
  expect(refused).toMatchObject({ status: 401 });
  expect(refused).not.toHaveProperty("team");
  expect(nowhere).toMatchObject({ method: "GET", status: 404 });
});

test("the reason of a refusal that repeats what a client sent is cut as all that it sent", async () => {
  await using larder = await startLarder();
  const headers = { authorization: `Bearer ${larder.firstToken}` };
  const long = "x".repeat(2_000);
  expect((await fetch(`${larder.url}/api/v1/teams/${long}%1b`, { headers })).status).toBe(403);
  const [line] = await requestsOf(larder);
  const reason = String(line?.reason);
  expect([line?.refused, reason.length]).toEqual(["wrong_team", 300]);
  expect(reason).toContain('a team "xxx');
});

test("no secret and no query gets into the log, wherever a client puts it", async () => {
  await using larder = await startLarder({ env: { TURBO_TOKEN: "lrd_environment" } });
  const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  const secrets = [larder.firstToken, "lrd_environment", `${larder.firstToken}x`, jwt];
  for (const secret of secrets) {
    for (const authorization of [`Bearer ${secret}`, `Basic ${secret}`, secret]) {
      for (const [method, path] of [
        ["GET", `/v8/artifacts/status?token=${secret}&teamId=${secret}`],
        ["PUT", "/v8/artifacts/abc"],
        ["PUT", "/v8/artifacts/a.b"],
        ["POST", "/v8/artifacts/events"],
        ["DELETE", `/nowhere?${secret}`],
        ["GET", `/v8/artifacts/${secret}`],
        ["GET", `/api/v1/tokens/${secret}/x`],
        ["GET", `/v8/artifacts/${secret.replace("_", "%5f")}`],
      ] as const) {
        await fetch(larder.url + path, {
          method,
          headers: {
            authorization,
            "proxy-authorization": secret,
            cookie: `token=${secret}`,
            "user-agent": `turbo ${secret}`,
            "x-request-id": secret,
          },
          ...(method !== "GET" && { body: JSON.stringify({ token: secret }) }),
        });
      }
    }
  }
  expect(await requestsOf(larder)).toHaveLength(4 * 3 * 8);
  expect(larder.stderr()).not.toMatch(/lrd(_|%5f)|eyJ/);
  expect(larder.stdout().replaceAll(larder.firstToken, "")).not.toContain("lrd_");
  expect(errorLines(larder.stderr())).toEqual([]);
});

test("a request keeps the id that a proxy gave it, and gets a new one otherwise", async () => {
  await using larder = await startLarder();
  const ask = async (id?: string) => {
    using connection = await RawConnection.open(larder.url);
    const header = id === undefined ? "" : `X-Request-Id: ${id}\r\n`;
    await connection.send(`GET /health/live HTTP/1.1\r\nHost: cache.test\r\n${header}\r\n`);
    return (await connection.answer()).headers.get("x-request-id") as string;
  };
  const good = ["abc", "01a1f841-d5ff-728a-ae37-d4d7c35ff616", "Root=1-67891233-abcdef", "i".repeat(128)];
  for (const id of good) expect(await ask(id)).toBe(id);

  const hostile = ["", "i".repeat(129), 'a"b', "a b", "a\tb", "caf\xc3\xa9", "<script>", "%{x}", "a,b"];
  const given = [];
  for (const id of [...hostile, undefined]) given.push(await ask(id));
  for (const id of given) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(given).size).toBe(given.length);

  const logged = (await requestsOf(larder)).map(({ requestId }) => requestId as string);
  expect(logged).toEqual([...good, ...given]);
});

test("refused and failed requests have an id too", async () => {
  await using larder = await startLarder();
  for (const path of ["/v8/artifacts/abc", "/nowhere", "/health/ready"]) {
    const response = await fetch(larder.url + path, { headers: { "x-request-id": `id-of-${path}` } });
    expect(response.headers.get("x-request-id")).toBe(`id-of-${path}`);
  }
});
