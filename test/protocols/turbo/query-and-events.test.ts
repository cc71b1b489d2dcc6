import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { RawConnection } from "../../server/raw-connection.ts";
import { until } from "../../server/until.ts";
import { cliOutput, createTeam, createToken, TurboClient } from "./client.ts";

let larder: RunningLarder;
let client: TurboClient;

beforeAll(async () => {
  larder = await startLarder();
  client = new TurboClient(larder.url, larder.firstToken);
});
afterAll(() => larder[Symbol.asyncDispose]());

describe("a query", () => {
  test("has every fact that was uploaded, and no others", async () => {
    await client.put("full", "12345", {
      "x-artifact-duration": "400",
      "x-artifact-tag": "tag=",
      "x-artifact-sha": "c0ffee",
      "x-artifact-dirty-hash": "d1e7",
    });
    await client.put("bare", "");
    // turbo takes a null inside for a broken answer and asks for each hash by itself (2.11.11).
    expect(await (await client.query(["full", "bare", "none"])).json()).toEqual({
      full: { size: 5, taskDurationMs: 400, tag: "tag=", sha: "c0ffee", dirtyHash: "d1e7" },
      bare: { size: 0, taskDurationMs: 0 },
      none: null,
    });
  });

  test("of 1,000 hashes answers each of them", async () => {
    const hashes = Array.from({ length: 1000 }, (_, index) => `q${index}`);
    await Promise.all(hashes.filter((_, index) => index % 10 === 0).map((hash) => client.put(hash, hash)));
    const answer = (await (await client.query(hashes)).json()) as Record<string, { size: number } | null>;
    expect(Object.keys(answer)).toEqual(hashes);
    for (const [index, hash] of hashes.entries()) {
      expect(answer[hash]?.size).toBe(index % 10 === 0 ? hash.length : undefined);
    }
  });

  test("of 5,000 hashes is still answered", async () => {
    const hashes = Array.from({ length: 5_000 }, (_, index) => `never${index}`);
    const answer = (await (await client.query(hashes)).json()) as Record<string, null>;
    expect(Object.keys(answer)).toHaveLength(5_000);
  });

  test("of nothing, and of one hash twice, is answered", async () => {
    expect(await (await client.query([])).json()).toEqual({});
    await client.put("twice", "x");
    expect(await (await client.query(["twice", "twice"])).json()).toEqual({
      twice: { size: 1, taskDurationMs: 0 },
    });
  });

  test.each(["constructor", "toString", "__proto__", "12"])(
    "of the hash %s is answered like any other",
    async (hash) => {
      const missing = await (await client.query([hash])).text();
      expect(missing).toBe(`{"${hash}":null}`);
      await client.put(hash, "x");
      expect(await (await client.query([hash])).text()).toBe(`{"${hash}":{"size":1,"taskDurationMs":0}}`);
    },
  );

  test("needs no Content-Type", async () => {
    const response = await client.send("POST", "", {
      body: '{"hashes":["none"]}',
      headers: { "content-type": "text/plain" },
    });
    expect(await response.json()).toEqual({ none: null });
  });
});

test("questions that never come to their end hold up nobody else's", async () => {
  using unfinished = new DisposableStack();
  for (let index = 0; index < 40; index++) {
    const connection = unfinished.use(await RawConnection.open(larder.url));
    await connection.send(
      `POST /v8/artifacts HTTP/1.1\r\nHost: cache.test\r\nAuthorization: Bearer ${larder.firstToken}\r\nContent-Length: 100\r\n\r\n{`,
    );
  }
  const other = new TurboClient(larder.url, (await createTeam(larder, "other")).token);
  expect(await (await other.query(["none"])).json()).toEqual({ none: null });
});

test("nothing of a body that is no JSON comes back or into the log", async () => {
  for (const body of ['{"a":\u009b31m', "\u202eabc", "'quoted'"]) {
    const answer = await fetch(`${larder.url}/v8/artifacts`, {
      method: "POST",
      headers: { authorization: `Bearer ${larder.firstToken}` },
      body,
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/^[\x20-\x7e]*$/);
  }
});

describe("reported events", () => {
  const stored = async (sessionId: string) => {
    const read = () =>
      rowsOf<Record<string, unknown>>(
        larder.dataFolder,
        `SELECT local_hits AS localHits, local_misses AS localMisses, local_saved_ms AS localSavedMs, remote_hits AS remoteHits,
          remote_misses AS remoteMisses, tool, token_id AS tokenId, client_ci AS clientCi, events
          FROM runs WHERE session_id = '${sessionId}'`,
      );
    // It is written within a second.
    await until(larder.url, () => read().length > 0);
    return read();
  };

  test("are a run's, with who reported them and from where; what is remote counts as far as the server saw it", async () => {
    const { id, token } = await createToken(larder, "default", "read");
    const reader = new TurboClient(larder.url, token);
    const headers = { "x-artifact-client-ci": "GITHUB_ACTIONS", "x-artifact-client-interactive": "0" };
    const events = [
      { sessionId: "run", source: "LOCAL", event: "HIT", hash: "a1", duration: 400 },
      { sessionId: "run", source: "REMOTE", event: "MISS", hash: "b2", duration: 0 },
      // The published type is a number, and the last field may be left out.
      { sessionId: "run", source: "REMOTE", event: "HIT", hash: "c3", duration: 1.6 },
      { sessionId: "run", source: "REMOTE", event: "MISS", hash: "d4" },
      { sessionId: "run", source: "LOCAL", event: "MISS", hash: "e5" },
    ];
    expect((await reader.get("b2")).status).toBe(404);
    expect((await reader.report(events, headers)).status).toBe(200);
    expect(await stored("run")).toEqual([
      {
        localHits: 1,
        localMisses: 1,
        localSavedMs: 400,
        remoteHits: 0,
        remoteMisses: 1,
        tool: "turbo",
        tokenId: id,
        clientCi: "GITHUB_ACTIONS",
        events: 3,
      },
    ]);
  });

  test("may be 1,000 at once, and none", async () => {
    const event = { sessionId: "many", source: "LOCAL", event: "HIT", duration: 1 };
    const thousand = Array.from({ length: 1_000 }, (_, index) => ({ ...event, hash: `many${index}` }));
    expect((await client.report(thousand)).status).toBe(200);
    expect(await stored("many")).toMatchObject([{ localHits: 1_000 }]);
    const rows = "SELECT id FROM events WHERE run_id = (SELECT id FROM runs WHERE session_id = 'many')";
    await until(larder.url, () => rowsOf(larder.dataFolder, rows).length === 1_000);
    expect((await client.report([])).status).toBe(200);
  });

  test("may lack the session, and hold fields that larder does not know", async () => {
    const event = { source: "LOCAL", event: "MISS", hash: "nosession", more: { of: "it" } };
    expect((await client.report([event])).status).toBe(200);
    const run =
      "SELECT session_id FROM runs WHERE id IN (SELECT run_id FROM events WHERE hash = 'nosession')";
    await until(larder.url, () => rowsOf(larder.dataFolder, run).length > 0);
    expect(rowsOf(larder.dataFolder, run)).toEqual([{ session_id: null }]);
  });

  test("of a team whose caching is off are kept too, since turbo still reports its local hits", async () => {
    await cliOutput(larder, "team", "set", "default", "--state", "disabled");
    const event = { sessionId: "off", source: "LOCAL", event: "HIT", hash: "a1", duration: 1 };
    expect((await client.report([event])).status).toBe(200);
    await cliOutput(larder, "team", "set", "default", "--state", "enabled");
    expect(await stored("off")).toHaveLength(1);
  });
});
