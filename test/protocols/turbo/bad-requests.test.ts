import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { type Holdings, holdingsOf, rowsOf } from "../../server/holdings.ts";
import { errorLines } from "../../server/log-lines.ts";
import { type RawAnswer, RawConnection } from "../../server/raw-connection.ts";
import { until } from "../../server/until.ts";
import { TurboClient } from "./client.ts";
import { expectRefused, type RawRequest, sendInVain } from "./raw-request.ts";

let larder: RunningLarder;
let before: Holdings;

beforeAll(async () => {
  larder = await startLarder({ args: ["--shutdown-timeout", "1s"] });
  await new TurboClient(larder.url, larder.firstToken).put("there", "bytes");
  before = holdingsOf(larder.dataFolder);
});
afterAll(() => larder[Symbol.asyncDispose]());

const send = (request: RawRequest) => sendInVain(larder, before, request);

describe("a query", () => {
  const query = (body: string) =>
    send({ method: "POST", path: "/artifacts", headers: [`Content-Length: ${body.length}`], body });

  test.each([
    ["no body", ""],
    ["no JSON", "{hashes:[]}"],
    ["JSON cut short", '{"hashes":["a"'],
    ["bytes that are no UTF-8", '{"hashes":["\xff"]}'],
    ["no object", "null"],
    ["a list instead of an object", '["a"]'],
    ["an empty object", "{}"],
    ["a text instead of a list", '{"hashes":"abc"}'],
    ["a number for a hash", '{"hashes":["a",1]}'],
    ["null for a hash", '{"hashes":[null]}'],
    ["an empty hash", '{"hashes":[""]}'],
    ["a hash with a slash", '{"hashes":["a/b"]}'],
    ["a hash of 257 characters", `{"hashes":["${"a".repeat(257)}"]}`],
    ["100,000 hashes", JSON.stringify({ hashes: Array(100_000).fill("abc") })],
    ["lists within lists within lists", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("with %s is refused", async (_, body) => {
    expectRefused(await query(body), 400, "bad_request");
  });

  test("of 10 MB is refused, with a length and in chunks", async () => {
    const body = JSON.stringify({ hashes: ["a".repeat(10_000_000)] });
    expectRefused(await query(body), 413, "too_large");
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const headers = ["Transfer-Encoding: chunked"];
    expectRefused(
      await send({ method: "POST", path: "/artifacts", headers, body: chunked }),
      413,
      "too_large",
    );
  });
});

describe("a report of events", () => {
  const good = { sessionId: "s", source: "LOCAL", event: "HIT", hash: "abc", duration: 1 };

  test.each([
    ["nothing", undefined],
    ["an object", { events: [good] }],
    ["a list of texts", ["HIT"]],
    ["null in a list", [good, null]],
    ["an unknown source", [good, { ...good, source: "MOON" }]],
    ["no source", [{ ...good, source: undefined }]],
    ["an unknown event", [good, { ...good, event: "hit" }]],
    ["no hash", [{ ...good, hash: undefined }]],
    ["a hash that cannot be", [{ ...good, hash: "../abc" }]],
    ["a negative duration", [{ ...good, duration: -1 }]],
    ["a duration as text", [{ ...good, duration: "1" }]],
    ["an endless duration", [{ ...good, duration: 1e99 }]],
    ["a number for a session", [{ ...good, sessionId: 1 }]],
    ["a very long session", [{ ...good, sessionId: "s".repeat(129) }]],
    ["more than 1,000 events", Array(1_001).fill(good)],
  ])("of %s is refused, the good ones beside it too", async (_, events) => {
    const body = events === undefined ? "" : JSON.stringify(events);
    const headers = [`Content-Length: ${body.length}`];
    expectRefused(
      await send({ method: "POST", path: "/artifacts/events", headers, body }),
      400,
      "bad_request",
    );
  });

  test("that was refused counts nothing", async () => {
    const last = { ...good, source: "LOCAL" as const, event: "HIT" as const, sessionId: "last" };
    expect((await new TurboClient(larder.url, larder.firstToken).report([last])).status).toBe(200);
    // What came before it is written no later.
    const sessions = () =>
      rowsOf(larder.dataFolder, "SELECT session_id AS id FROM runs WHERE local_hits + local_misses > 0");
    await until(larder.url, () => sessions().length > 0);
    expect(sessions()).toEqual([{ id: "last" }]);
  });
});

describe("a request", () => {
  test.each(["/artifacts/there", "/artifacts/status"])(
    "of an unknown method to %s is refused",
    async (path) => {
      for (const method of ["PROPFIND", "MKCOL", "TRACE"]) {
        expectRefused(
          await send({ method, path, headers: ["Content-Length: 0"] }),
          405,
          "method_not_allowed",
        );
      }
    },
  );

  test("with a very long URL or header is refused", async () => {
    const long = "y".repeat(1_000_000);
    for (const bad of [
      { path: `/artifacts/there?x=${long}` },
      { path: "/artifacts/there", headers: [`X: ${long}`] },
    ]) {
      expect((await send({ method: "GET", ...bad })).status).toBe(431);
    }
  });

  test("with a long URL is served", async () => {
    const answer = await send({ method: "GET", path: `/artifacts/there?x=${"y".repeat(10_000)}` });
    expect(answer.body.toString()).toBe("bytes");
  });

  test.each([
    "slug=default&slug=other",
    "teamId=team_x&slug=default",
    "slug=%zz",
    "slug=%00",
    `slug=${"x".repeat(5000)}`,
  ])("for ?%s is not let near the token's team", async (query) => {
    const answer = await send({ path: `/artifacts/bad?${query}`, headers: ["Content-Length: 1"], body: "x" });
    expectRefused(answer, 403, "forbidden");
  });

  // HTTP/1.0 has no Host (load balancers check health with it), and some clients send what no URL can hold.
  describe.each([
    ["none, in HTTP/1.0", "HTTP/1.0", []],
    ["an empty one", "HTTP/1.1", ["Host: "]],
    ["one of three letters", "HTTP/1.1", ["Host: nas"]],
    ["one with a slash", "HTTP/1.1", ["Host: a/b"]],
    ["one with a port that cannot be", "HTTP/1.1", ["Host: cache.test:99999"]],
    ["one with a wrong encoding", "HTTP/1.1", ["Host: %zz"]],
  ])("whose Host is %s", (_, version, host) => {
    async function sendTo(path: string, method = "GET", body = ""): Promise<RawAnswer> {
      using connection = await RawConnection.open(larder.url);
      const head = [
        `${method} ${path} ${version}`,
        ...host,
        `Authorization: Bearer ${larder.firstToken}`,
        `Content-Length: ${body.length}`,
      ];
      await connection.send(`${head.join("\r\n")}\r\n\r\n${body}`);
      return await connection.answer();
    }

    test("is served or refused, and no fault", async () => {
      for (const path of ["/v8/artifacts/status", "/health/live", "/health/ready", "/nowhere"]) {
        expect((await sendTo(path)).status).toBeWithin(200, 500);
      }
    });

    test("uploads or is refused, and never gets a fault after its upload was kept", async () => {
      expect((await sendTo("/v8/artifacts/there", "PUT", "bytes")).status).toBeWithin(200, 500);
    });
  });

  test.each(["HTTP/1.0", "HTTP/1.1"])(
    "for health or an artifact is served to a short host name (%s)",
    async (version) => {
      for (const path of ["/health/ready", "/v8/artifacts/there", "/artifacts/there"]) {
        using connection = await RawConnection.open(larder.url);
        await connection.send(
          `GET ${path} ${version}\r\nHost: ci\r\nAuthorization: Bearer ${larder.firstToken}\r\n\r\n`,
        );
        expect([path, (await connection.answer()).status]).toEqual([path, 200]);
      }
    },
  );
});

test("none of these left anything behind or was taken for a fault of the server's", async () => {
  expect(await larder.stop()).toBe(0);
  expect(holdingsOf(larder.dataFolder)).toEqual(before);
  expect(larder.stderr()).toContain('"status":400');
  expect(errorLines(larder.stderr())).toEqual([]);
});
