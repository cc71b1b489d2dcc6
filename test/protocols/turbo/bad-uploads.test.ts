import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { type Holdings, holdingsOf } from "../../server/holdings.ts";
import { errorLines } from "../../server/log-lines.ts";
import { RawConnection } from "../../server/raw-connection.ts";
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

const oneByte = { headers: ["Content-Length: 1"], body: "x" };

describe("a hash", () => {
  test.each([
    ["that climbs with an encoded slash", "..%2f..%2f..%2fetc%2fpasswd"],
    ["that climbs with everything encoded", "%2e%2e%2f%2e%2e"],
    ["with an encoded slash", "a%2Fb"],
    ["with an encoded backslash", "a%5Cb"],
    ["with an encoded NUL", "a%00b"],
    ["with an encoded line break", "a%0d%0aX-Injected:%201"],
    ["with an encoded blank", "a%20b"],
    ["with a dot", "a.b"],
    ["of encoded letters beyond ASCII", "%c3%a9"],
    ["of bytes beyond ASCII", "\xc3\xa9"],
    ["with a percent sign that encodes nothing", "%"],
    ["with a wrong encoding", "%zz"],
    ["with bytes that are no UTF-8", "%ff%fe"],
    ["of 257 characters", "a".repeat(257)],
    ["of 4,000 characters", "a".repeat(4000)],
  ])("%s is refused", async (_, hash) => {
    const path = `/artifacts/${hash}`;
    expectRefused(await send({ path, ...oneByte }), 400, "bad_request");
    expectRefused(await send({ path, method: "GET" }), 400, "bad_request");
    expect((await send({ path, method: "HEAD" })).status).toBe(400);
  });

  test("of two dots leads up and to nothing", async () => {
    for (const dots of ["..", "%2e%2e", ".%2E"]) {
      expectRefused(await send({ path: `/artifacts/${dots}`, ...oneByte }), 404, "not_found");
    }
  });

  test("that is empty is no artifact", async () => {
    expectRefused(await send({ path: "/artifacts/", ...oneByte }), 405, "method_not_allowed");
  });
});

describe("a fact", () => {
  test.each([
    ["x-artifact-duration: 12.5"],
    ["x-artifact-duration: -1"],
    ["x-artifact-duration: 1e99"],
    ["x-artifact-duration: 1e3"],
    ["x-artifact-duration: 0x10"],
    ["x-artifact-duration: abc"],
    ["x-artifact-duration: 9007199254740992"],
    ["x-artifact-duration: 99999999999999999999999999"],
    ["x-artifact-duration: 1\r\nx-artifact-duration: 2"],
    [`x-artifact-tag: ${"t".repeat(601)}`],
    ["x-artifact-tag: caf\xc3\xa9"],
    ["x-artifact-tag: a\tb"],
    [`x-artifact-sha: ${"s".repeat(1000)}`],
    [`x-artifact-dirty-hash: ${"d".repeat(1000)}`],
    [`x-artifact-client-ci: ${"c".repeat(51)}`],
    ["x-artifact-client-interactive: 2"],
    ["x-artifact-client-interactive: true"],
    ["x-artifact-client-interactive: 1, 0"],
  ])("%s is refused by name", async (header) => {
    const headers = [header, "Content-Length: 1"];
    const name = header.slice(0, header.indexOf(":"));
    expect(expectRefused(await send({ headers, body: "x" }), 400, "bad_request")).toContain(name);
  });

  test.each(["GET", "POST"])("about the client is checked with %s too", async (method) => {
    const path = method === "GET" ? "/artifacts/there" : "/artifacts/events";
    const body = method === "GET" ? "" : "[]";
    for (const header of [`x-artifact-client-ci: ${"c".repeat(51)}`, "x-artifact-client-interactive: 2"]) {
      const headers = [header, `Content-Length: ${body.length}`];
      expectRefused(await send({ method, path, headers, body }), 400, "bad_request");
    }
  });
});

describe("an upload", () => {
  test("with neither a length nor chunks is told what is missing", async () => {
    expect(expectRefused(await send({}), 400, "bad_request")).toContain("Content-Length");
  });

  test("with the same length twice is told what is wrong", async () => {
    const headers = ["Content-Length: 5", "Content-Length: 5"];
    const message = expectRefused(await send({ headers, body: "hello" }), 400, "bad_request");
    expect(message).toContain("Content-Length");
    expect(message).not.toContain("NaN");
  });

  // These the HTTP parser refuses before larder sees them, since it can no longer tell where the request ends.
  test.each([
    ["a negative length", ["Content-Length: -1"], "x"],
    ["a length that is no number", ["Content-Length: five"], "hello"],
    ["a length with a fraction", ["Content-Length: 5.5"], "hello!"],
    ["a length in hex", ["Content-Length: 0x5"], "hello"],
    ["a length with a sign", ["Content-Length: +5"], "hello"],
    ["a length beyond all numbers", [`Content-Length: ${"9".repeat(40)}`], "hello"],
    ["an empty length", ["Content-Length: "], "hello"],
    ["two lengths", ["Content-Length: 5", "Content-Length: 6"], "hello!"],
    ["a list of lengths", ["Content-Length: 5, 5"], "hello"],
    ["a length and chunks", ["Content-Length: 5", "Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"],
    ["an encoding larder does not know", ["Transfer-Encoding: gzip"], "hello"],
    ["an encoding before the chunks", ["Transfer-Encoding: gzip, chunked"], "5\r\nhello\r\n0\r\n\r\n"],
    ["chunks within chunks", ["Transfer-Encoding: chunked, chunked"], "5\r\nhello\r\n0\r\n\r\n"],
    ["a chunk whose size is no number", ["Transfer-Encoding: chunked"], "zz\r\nhello\r\n0\r\n\r\n"],
    ["a chunk whose size is negative", ["Transfer-Encoding: chunked"], "-5\r\nhello\r\n0\r\n\r\n"],
    ["a chunk that is longer than it says", ["Transfer-Encoding: chunked"], "3\r\nhello\r\n0\r\n\r\n"],
    ["a chunk of endless size", ["Transfer-Encoding: chunked"], `${"f".repeat(20)}\r\nhello\r\n0\r\n\r\n`],
  ])("with %s is refused, and the connection ends", async (_, headers, body) => {
    const answer = await send({ headers, body });
    expect(answer.status).toBeWithin(400, 500);
    expect(answer.headers.get("connection")).toBe("close");
  });

  test.each([
    ["a body with a length", "Content-Length: 50", "only this"],
    ["a chunked body", "Transfer-Encoding: chunked", "9\r\nonly this"],
    ["a chunked body before its last chunk", "Transfer-Encoding: chunked", "9\r\nonly this\r\n"],
  ])("whose client goes away in the middle of %s is not kept", async (_, header, body) => {
    for (const leave of ["finish", "break"] as const) {
      using connection = await RawConnection.open(larder.url);
      await connection.send(
        `PUT /v8/artifacts/cut HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n${header}\r\n\r\n${body}`,
      );
      connection[leave]();
      await connection.closed;
    }
  });
});

test("none of these left anything behind or was taken for a fault of the server's", async () => {
  expect(await larder.stop()).toBe(0);
  expect(holdingsOf(larder.dataFolder)).toEqual(before);
  expect(larder.stderr()).toContain('"status":400');
  expect(errorLines(larder.stderr())).toEqual([]);
});
