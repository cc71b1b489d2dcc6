import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { sha256Of } from "../../server/holdings.ts";
import { type RawAnswer, RawConnection } from "../../server/raw-connection.ts";
import { expectRefusal, type Headers, TurboClient } from "./client.ts";

const body = "0123456789";
const etag = `"${sha256Of(body)}"`;
const facts = {
  "x-artifact-duration": "400",
  "x-artifact-tag": "Tc0BmHvJYMIYJ62/zx87YqO0Flxk+5Ovip25NY825CQ=",
  "x-artifact-sha": "0a1b2c3d",
  "x-artifact-dirty-hash": 'odd "but" printable, \\ ~',
};

let larder: RunningLarder;
let client: TurboClient;

beforeAll(async () => {
  // Reading again what is stored would be reading, too.
  larder = await startLarder({ args: ["--verify-rate", "none"] });
  client = new TurboClient(larder.url, larder.firstToken);
  await client.put("full", body, facts);
  await client.put("bare", body);
  await client.put("empty", "");
});
afterAll(() => larder[Symbol.asyncDispose]());

describe("a download", () => {
  // fetch undoes compression and joins headers, so the bytes on the wire are looked at.
  async function onTheWire(method: string, hash: string, headers: string[] = []): Promise<RawAnswer> {
    using connection = await RawConnection.open(larder.url);
    const lines = [`Host: cache.test`, `Authorization: Bearer ${larder.firstToken}`, ...headers];
    await connection.send(`${method} /v8/artifacts/${hash} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    return await connection.answer({ hasBody: method !== "HEAD" });
  }

  test.each(["GET", "HEAD"])("echoes every fact byte for byte to %s", async (method) => {
    const { status, headers } = await onTheWire(method, "full");
    expect(status).toBe(200);
    for (const [name, value] of Object.entries(facts)) expect(headers.get(name)).toBe(value);
    expect(headers.get("content-length")).toBe("10");
    expect(headers.get("etag")).toBe(etag);
  });

  test.each(["GET", "HEAD"])("has a duration and no other fact if none was uploaded (%s)", async (method) => {
    const { headers } = await onTheWire(method, "bare");
    expect(headers.get("x-artifact-duration")).toBe("0");
    expect([...headers.keys()].filter((name) => name.startsWith("x-artifact-"))).toEqual([
      "x-artifact-duration",
    ]);
  });

  // turbo 2.11 asks for no encoding and decodes none: a compressed answer is a miss for it.
  test("is never compressed, whatever the client would take", async () => {
    const { headers, body: bytes } = await onTheWire("GET", "full", [
      "Accept-Encoding: gzip, br, zstd, deflate",
    ]);
    expect(headers.has("content-encoding")).toBe(false);
    expect(headers.get("content-length")).toBe("10");
    expect(bytes.toString()).toBe(body);
  });

  // The API's pages give a download this media type, and @vercel/sdk takes no other.
  test.each([
    ["application/json", "application/json"],
    ["*/*", "application/octet-stream"],
    ["application/json, */*", "application/octet-stream"],
    ["application/octet-stream", "application/octet-stream"],
  ])("is bytes all the same to a client that accepts %s", async (accept, type) => {
    const { headers, body: bytes } = await onTheWire("GET", "full", [`Accept: ${accept}`]);
    expect(headers.get("content-type")).toBe(type);
    expect(bytes.toString()).toBe(body);
  });

  test("of an empty artifact has length 0", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers, body: bytes } = await onTheWire(method, "empty");
      expect([status, headers.get("content-length"), bytes.length]).toEqual([200, "0", 0]);
    }
  });

  test.skipIf(process.platform !== "linux")("is not read for HEAD, however large it is", async () => {
    const sizeBytes = 20 * 1024 * 1024;
    expect((await client.put("large", new Uint8Array(sizeBytes))).status).toBe(202);
    const readBytes = async () =>
      Number(/rchar: (\d+)/.exec(await Bun.file(`/proc/${larder.process.pid}/io`).text())?.[1]);
    const before = await readBytes();
    for (let round = 0; round < 3; round++)
      expect((await client.head("large")).headers.get("content-length")).toBe(String(sizeBytes));
    expect((await readBytes()) - before).toBeLessThan(sizeBytes / 10);
  });

  test("is nothing that a browser would show, and not named after the server's files", async () => {
    const { headers } = await onTheWire("GET", "full");
    expect(headers.get("content-disposition")).toBe("attachment");
  });

  test("shares a connection with the next ones, a HEAD between them", async () => {
    using connection = await RawConnection.open(larder.url);
    const ask = (method: string, hash: string) =>
      `${method} /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n\r\n`;
    await connection.send(ask("HEAD", "full") + ask("GET", "full") + ask("GET", "none") + ask("GET", "bare"));
    expect((await connection.answer({ hasBody: false })).headers.get("content-length")).toBe("10");
    expect((await connection.answer()).body.toString()).toBe(body);
    expect((await connection.answer()).status).toBe(404);
    expect((await connection.answer()).body.toString()).toBe(body);
  });
});

describe("If-None-Match", () => {
  test.each([etag, `W/${etag}`, `"other", ${etag}`, "*"])(
    "%s: not modified, to GET and HEAD",
    async (known) => {
      for (const response of [
        await client.get("full", { "if-none-match": known }),
        await client.head("full", { "if-none-match": known }),
      ]) {
        expect([response.status, await response.text()]).toEqual([304, ""]);
        expect(response.headers.get("etag")).toBe(etag);
      }
    },
  );

  test.each(['"other"', etag.replaceAll('"', ""), '""'])("%s: the artifact", async (known) => {
    const response = await client.get("full", { "if-none-match": known });
    expect([response.status, await response.text()]).toEqual([200, body]);
  });

  test("* does not make a missing artifact exist", async () => {
    await expectRefusal(await client.get("f00", { "if-none-match": "*" }), 404, "not_found");
  });
});

describe("Range", () => {
  const whole = [200, body, null];

  test.each([
    ["bytes=0-0", [206, "0", "bytes 0-0/10"]],
    ["bytes=0-3", [206, "0123", "bytes 0-3/10"]],
    ["bytes=9-", [206, "9", "bytes 9-9/10"]],
    ["bytes=4-99", [206, "456789", "bytes 4-9/10"]],
    ["bytes=-1", [206, "9", "bytes 9-9/10"]],
    ["bytes=-4", [206, "6789", "bytes 6-9/10"]],
    ["bytes=-99", [206, body, "bytes 0-9/10"]],
    ["bytes=10-", [416, "", "bytes */10"]],
    ["bytes=99-100", [416, "", "bytes */10"]],
    ["bytes=-0", [416, "", "bytes */10"]],
    // RFC 9110, 14.2: what is malformed, of another unit or in several parts may be ignored.
    ["bytes=5-2", whole],
    ["bytes=a-b", whole],
    ["lines=0-1", whole],
    ["bytes=0-1,4-5", whole],
    ["bytes=99999999999999999999999-", null],
  ] as const)("%s", async (range, expected) => {
    const response = await client.get("full", { range });
    if (!expected) {
      // Too large to be a number: it may count as malformed or as unsatisfiable, but never as a part.
      expect([200, 416]).toContain(response.status);
      return;
    }
    expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([
      ...expected,
    ]);
    // Otherwise turbo could not check a part against the whole's facts.
    expect(response.headers.get("x-artifact-tag")).toBe(facts["x-artifact-tag"]);
    expect(response.headers.get("etag")).toBe(etag);
  });

  test.each([
    ["the same bytes", etag, 206],
    ["other bytes", '"other"', 200],
    // RFC 9110, 13.1.5: If-Range takes the strong comparison only.
    ["a weak name of the same bytes", `W/${etag}`, 200],
  ])("after If-Range with %s", async (_, ifRange, status) => {
    const headers: Headers = { range: "bytes=2-3", "if-range": ifRange };
    const response = await client.get("full", headers);
    expect([response.status, await response.text()]).toEqual([status, status === 206 ? "23" : body]);
  });

  test("of an empty artifact cannot be satisfied", async () => {
    expect((await client.get("empty", { range: "bytes=0-0" })).status).toBe(416);
  });

  test("means nothing to HEAD", async () => {
    const response = await client.head("full", { range: "bytes=0-1" });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "10"]);
  });

  test("loses against If-None-Match", async () => {
    const response = await client.get("full", { range: "bytes=0-1", "if-none-match": etag });
    expect(response.status).toBe(304);
  });
});
