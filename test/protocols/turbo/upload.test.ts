import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { type Holdings, holdingsOf } from "../../server/holdings.ts";
import { errorLines } from "../../server/log-lines.ts";
import { type RawAnswer, RawConnection } from "../../server/raw-connection.ts";
import { until } from "../../server/until.ts";
import { cliOutput, createTeam, expectRefusal, TurboClient } from "./client.ts";

const maxSizeBytes = 1024 * 1024;

let larder: RunningLarder;
let client: TurboClient;

beforeAll(async () => {
  larder = await startLarder({
    args: ["--max-artifact-size", `${maxSizeBytes}B`, "--shutdown-timeout", "1s"],
  });
  client = new TurboClient(larder.url, larder.firstToken);
});
afterAll(() => larder[Symbol.asyncDispose]());

/** What lies there once the server has collected all that other tests had it replace, which it does in its own time. */
async function settledHoldings(): Promise<Holdings> {
  const released = () => holdingsOf(larder.dataFolder).blobs.filter(({ releasedAt }) => releasedAt !== null);
  await until(larder.url, () => released().length === 0);
  return holdingsOf(larder.dataFolder);
}

/** A body without a length: fetch sends it chunked, as turbo 1.x does. */
function chunked(...chunks: (string | Uint8Array<ArrayBuffer>)[]): ReadableStream {
  return new Blob(chunks).stream();
}

describe("an upload", () => {
  test.each([
    ["with a length", (text: string) => text],
    ["in chunks", (text: string) => chunked(text.slice(0, 2), text.slice(2))],
  ])("%s is kept whole, empty ones too", async (name, body) => {
    for (const [index, text] of ["hello", ""].entries()) {
      const hash = `whole${name.length}${index}`;
      expect((await client.put(hash, body(text))).status).toBe(202);
      expect(await (await client.get(hash)).text()).toBe(text);
    }
  });

  test("of every byte value comes back as it was", async () => {
    const bytes = Uint8Array.from({ length: 256 * 300 }, (_, index) => index % 256);
    await client.put("bytes", bytes);
    expect(Buffer.from(await (await client.get("bytes")).arrayBuffer())).toEqual(Buffer.from(bytes));
  });

  test("is stored as it came, whatever Content-Type or Content-Encoding it has", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect((await client.put("typed", "{not json", headers)).status).toBe(202);
    const response = await client.get("typed");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(await response.text()).toBe("{not json");
  });

  test("replaces the one before, bytes and facts", async () => {
    await client.put("again", "first", { "x-artifact-duration": "1", "x-artifact-tag": "old" });
    expect((await client.put("again", "second!", { "x-artifact-duration": "2" })).status).toBe(202);
    const response = await client.get("again");
    expect(await response.text()).toBe("second!");
    expect(response.headers.get("x-artifact-duration")).toBe("2");
    expect(response.headers.get("x-artifact-tag")).toBeNull();
  });

  test("of the same bytes takes new facts, as after a change of the signature's key", async () => {
    await client.put("signed", "same", { "x-artifact-tag": "old" });
    await client.put("signed", "same", { "x-artifact-tag": "new" });
    expect((await client.get("signed")).headers.get("x-artifact-tag")).toBe("new");
  });

  test("announced with Expect: 100-continue is taken", async () => {
    using connection = await RawConnection.open(larder.url);
    await connection.send(rawHead("expecting", "Content-Length: 5\r\nExpect: 100-continue"));
    await connection.send("hello");
    expect((await connection.answer()).status).toBe(202);
    expect(await (await client.get("expecting")).text()).toBe("hello");
  });

  test("ends where its Content-Length says, and what follows is no part of it", async () => {
    using connection = await RawConnection.open(larder.url);
    await connection.send(`${rawHead("exact", "Content-Length: 3")}hello`);
    expect((await connection.answer()).status).toBe(202);
    expect(await (await client.get("exact")).text()).toBe("hel");
  });

  test.each([
    ["the longest tag", { "x-artifact-tag": "t".repeat(600) }],
    ["the longest CI name", { "x-artifact-client-ci": "c".repeat(50) }],
    ["an interactive shell", { "x-artifact-client-interactive": "1" }],
    ["no shell", { "x-artifact-client-interactive": "0" }],
    ["the longest duration", { "x-artifact-duration": String(Number.MAX_SAFE_INTEGER) }],
    ["no duration to speak of", { "x-artifact-duration": "000" }],
  ])("with %s is taken", async (_, headers) => {
    expect((await client.put("limits", "x", headers)).status).toBe(202);
    const response = await client.get("limits", headers);
    expect(response.headers.get("x-artifact-duration")).toBe(
      String(Number("x-artifact-duration" in headers ? headers["x-artifact-duration"] : 0)),
    );
  });

  test.each(["a", "12HKQaOmR5t5Uy6vdcQsNIiZgHGB", "A-b_9", "f".repeat(256), "constructor", "CON"])(
    "may have the hash %s",
    async (hash) => {
      expect((await client.put(hash, `of ${hash}`)).status).toBe(202);
      expect(await (await client.get(hash)).text()).toBe(`of ${hash}`);
      expect(Object.keys((await (await client.query([hash])).json()) as object)).toEqual([hash]);
    },
  );

  test("may be of a hash that differs from another in case only", async () => {
    await client.put("CaSe", "upper");
    await client.put("case", "lower");
    expect(await (await client.get("CaSe")).text()).toBe("upper");
  });

  test("answers with a URL that names the team as the request did", async () => {
    const named = client.of("?slug=default");
    const { urls } = (await (await named.put("named", "x")).json()) as { urls: string[] };
    expect(urls).toEqual([`${larder.url}/v8/artifacts/named?slug=default`]);
  });

  test("begins its URL with https where a proxy speaks it for us", async () => {
    const response = await client.put("proxied", "x", { "x-forwarded-proto": "https" });
    const { urls } = (await response.json()) as { urls: string[] };
    expect(urls).toEqual([`${larder.url.replace("http:", "https:")}/v8/artifacts/proxied`]);
  });
});

describe("a team whose artifacts are never overwritten", () => {
  let strict: TurboClient;

  beforeAll(async () => {
    const { token } = await createTeam(larder, "strict", "--overwrite", "never");
    strict = new TurboClient(larder.url, token);
  });

  test("refuses other bytes, keeps the first, and takes the same bytes again", async () => {
    expect((await strict.put("once", "first", { "x-artifact-tag": "a" })).status).toBe(202);
    expect(await expectRefusal(await strict.put("once", "other"), 409, "conflict")).toContain("overwrite");
    await expectRefusal(await strict.put("once", chunked("other")), 409, "conflict");
    expect((await strict.put("once", "first", { "x-artifact-tag": "a" })).status).toBe(202);
    expect((await strict.put("once", "first")).status).toBe(202);
    const resigned = await strict.put("once", "first", { "x-artifact-tag": "b" });
    expect(await expectRefusal(resigned, 409, "conflict")).toContain("another signature");
    const response = await strict.get("once");
    expect(await response.text()).toBe("first");
    // Whoever wrote first has said what it is.
    expect(response.headers.get("x-artifact-tag")).toBe("a");
  });

  test("keeps nothing of what it refused", async () => {
    await strict.put("kept", "kept bytes");
    const before = await settledHoldings();
    await expectRefusal(await strict.put("kept", "refused bytes"), 409, "conflict");
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
  });

  test("is honoured with the next request after the rule has changed", async () => {
    await strict.put("ruled", "first");
    await cliOutput(larder, "team", "set", "strict", "--overwrite", "allow");
    expect((await strict.put("ruled", "second")).status).toBe(202);
    await cliOutput(larder, "team", "set", "strict", "--overwrite", "never");
    await expectRefusal(await strict.put("ruled", "third"), 409, "conflict");
  });
});

describe("an artifact over the size limit", () => {
  const tooLarge = new Uint8Array(maxSizeBytes + 1);

  test("is taken at exactly the limit", async () => {
    const body = new Uint8Array(maxSizeBytes);
    expect((await client.put("limit", body)).status).toBe(202);
    expect((await client.put("limit", chunked(body))).status).toBe(202);
  });

  test("is refused with the limit and its size", async () => {
    const before = await settledHoldings();
    const message = await expectRefusal(await client.put("big", tooLarge), 413, "too_large");
    expect(message).toContain(String(maxSizeBytes));
    expect(message).toContain(String(maxSizeBytes + 1));
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
  });

  test("in chunks is refused with the limit", async () => {
    const before = await settledHoldings();
    const message = await expectRefusal(await client.put("big", chunked(tooLarge)), 413, "too_large");
    expect(message).toContain(String(maxSizeBytes));
    expect(holdingsOf(larder.dataFolder)).toEqual(before);
  });

  // A connection that is reset while the client is still sending takes the answer with it.
  describe("of 50 MB, from a client that reads the answer only after it has sent everything", () => {
    const piece = new Uint8Array(1_000_000);

    test.each([
      ["with a length", `Content-Length: ${50 * piece.length}`],
      ["in chunks", "Transfer-Encoding: chunked"],
    ])("is refused with an answer that arrives, %s", async (_, length) => {
      // Several times, since a reset can lose the race against the answer.
      for (let round = 0; round < 5; round++) expectTooLarge(await sendAll(rawHead("big", length)));
    });

    test.each([
      ["with a length", `Content-Length: ${50 * piece.length}`],
      ["in chunks", "Transfer-Encoding: chunked"],
    ])("without a valid token is refused with an answer that arrives, %s", async (_, length) => {
      const head = rawHead("big", length).replace(larder.firstToken, "lrd_unknown");
      expect((await sendAll(head)).status).toBe(401);
    });

    async function sendAll(head: string): Promise<RawAnswer> {
      using connection = await RawConnection.open(larder.url);
      await connection.send(head);
      const isChunked = head.includes("chunked");
      for (let sent = 0; sent < 50; sent++) {
        if (isChunked) await connection.send(`${piece.length.toString(16)}\r\n`);
        await connection.send(piece);
        if (isChunked) await connection.send("\r\n");
      }
      if (isChunked) await connection.send("0\r\n\r\n");
      return await connection.answer();
    }

    function expectTooLarge(answer: RawAnswer): void {
      expect(answer.status).toBe(413);
      expect(JSON.parse(answer.body.toString()).code).toBe("too_large");
    }
  });
});

test("none of these was logged as a fault", async () => {
  expect(await larder.stop()).toBe(0);
  expect(larder.stderr()).toContain('"status":413');
  expect(errorLines(larder.stderr())).toEqual([]);
});

function rawHead(hash: string, headers: string): string {
  return `PUT /v8/artifacts/${hash} HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\n${headers}\r\n\r\n`;
}
