import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { RawConnection } from "../../server/raw-connection.ts";
import { cliOutput, createTeam, createToken, expectRefusal, type NewToken, TurboClient } from "./client.ts";

let larder: RunningLarder;
let ownTeamId: string;
let client: TurboClient;
let web: NewToken;
let formerTokens: NewToken[];

beforeAll(async () => {
  larder = await startLarder();
  client = new TurboClient(larder.url, larder.firstToken);
  web = await createTeam(larder, "web");
  ownTeamId = rowsOf<{ id: string }>(larder.dataFolder, "SELECT id FROM teams WHERE slug = 'default'")[0]
    ?.id as string;
  const revoked = await createToken(larder, "default");
  // It is remembered when it is revoked.
  expect((await new TurboClient(larder.url, revoked.token).status()).status).toBe(200);
  await cliOutput(larder, "token", "revoke", revoked.id);
  const expired = await createToken(larder, "default", "write", "--expires", "200ms");
  while ((await new TurboClient(larder.url, expired.token).status()).status === 200);
  formerTokens = [revoked, expired];
  await client.put("shared", "of default");
  await new TurboClient(larder.url, web.token).put("shared", "of web");
});
afterAll(() => larder[Symbol.asyncDispose]());

/** Every request that a client makes, each answering 2xx with a good token. */
const requests: [string, (client: TurboClient) => Promise<Response>][] = [
  ["status", (client) => client.status()],
  ["GET", (client) => client.get("shared")],
  ["HEAD", (client) => client.head("shared")],
  ["PUT", (client) => client.put("other", "x")],
  ["query", (client) => client.query(["shared"])],
  ["events", (client) => client.report([])],
];

describe.each(requests)("%s", (name, send) => {
  test.each([
    ["nothing", () => ""],
    ["its slug", () => "?slug=default"],
    ["its id", () => `?teamId=${ownTeamId}`],
    ["both", () => `?teamId=${ownTeamId}&slug=default`],
    // People paste ids into TURBO_TEAM, which turbo sends as a slug.
    ["its id as the slug", () => `?slug=${ownTeamId}`],
    ["empty names", () => "?teamId=&slug="],
    ["something else that is no team", () => "?since=2020&slugs=web"],
  ])("is about the token's team when the request names %s", async (_, query) => {
    const response = await send(client.of(query()));
    expect(response.status).toBeWithin(200, 300);
    if (name === "GET") expect(await response.text()).toBe("of default");
  });

  test("gives the same answer for a team of others as for one that does not exist", async () => {
    const naming = (id: string, slug: string) => [
      `?slug=${slug}`,
      `?teamId=${id}`,
      `?teamId=${id}&slug=${slug}`,
      `?teamId=${ownTeamId}&slug=${slug}`,
      `?teamId=${id}&slug=default`,
    ];
    const others = naming(web.teamId, "web");
    const nobodys = naming(`team_${"x".repeat(24)}`, "no-such-team");
    for (const [index, query] of others.entries()) {
      const answers = await Promise.all(
        [query, nobodys[index] as string].map(async (query) => {
          const response = await send(client.of(query));
          const headers = Object.fromEntries(response.headers);
          // The only ones that differ from one answer to the next.
          delete headers["x-request-id"];
          delete headers.date;
          return { status: response.status, headers, body: await response.text() };
        }),
      );
      expect(answers[0]?.status).toBe(403);
      expect(answers[0]).toEqual(answers[1] as never);
      if (name !== "HEAD") expect(JSON.parse(answers[0]?.body as string).error.code).toBe("forbidden");
    }
  });

  test.each([
    ["no token", undefined],
    ["an empty header", ""],
    ["a scheme alone", "Bearer"],
    ["another scheme", (token: string) => `Basic ${token}`],
    ["a token without a scheme", (token: string) => token],
    ["an unknown token", "Bearer lrd_0000000000000000000000000000000000000"],
    ["a token cut short", (token: string) => `Bearer ${token.slice(0, -1)}`],
    ["a token in other case", (token: string) => `Bearer ${token.toUpperCase()}`],
    ["a token with more after it", (token: string) => `Bearer ${token} more`],
    ["two tokens", (token: string) => `Bearer ${token}, Bearer ${token}`],
    ["a token of another kind", "Bearer eyJhbGciOiJub25lIn0.e30."],
    ["a very long token", `Bearer ${"x".repeat(7000)}`],
  ])("answers 401 to %s", async (_, given) => {
    const authorization = typeof given === "function" ? given(larder.firstToken) : given;
    const response = await send(new TurboClient(larder.url, "").authorizedBy(authorization));
    expect(response.headers.get("www-authenticate")).toStartWith("Bearer");
    if (name === "HEAD") expect(response.status).toBe(401);
    else await expectRefusal(response, 401, "unauthorized");
  });

  test("says once in its 401 where turbo has its token", async () => {
    for (const headers of [{}, { authorization: "Bearer lrd_wrong" }]) {
      const response = await fetch(`${larder.url}/v8/artifacts/status`, { headers });
      expect(response.status).toBe(401);
      const { message } = (await response.json()) as { message: string };
      expect(message.match(/TURBO_TOKEN/g)).toEqual(["TURBO_TOKEN"]);
    }
  });

  test("answers 401 to a token in the URL, where logs would keep it", async () => {
    for (const authorization of [undefined, "", "Basic abc"]) {
      const inUrl = client.of(`?access_token=${larder.firstToken}`).authorizedBy(authorization);
      expect((await send(inUrl)).status).toBe(401);
    }
  });

  test("answers 401 to a token that is revoked or expired", async () => {
    for (const { token } of formerTokens) {
      const response = await send(new TurboClient(larder.url, token));
      if (name === "HEAD") expect(response.status).toBe(401);
      else await expectRefusal(response, 401, "unauthorized");
    }
  });
});

test.each(["bearer", "BEARER", "Bearer  "])("the scheme may be written %p", async (scheme) => {
  using connection = await RawConnection.open(larder.url);
  await connection.send(
    `GET /v8/artifacts/status HTTP/1.1\r\nHost: cache.test\r\nAuthorization: ${scheme.padEnd(7)}${larder.firstToken}\r\n\r\n`,
  );
  expect((await connection.answer()).status).toBe(200);
});

describe("a read token", () => {
  test("may do everything but upload", async () => {
    const reader = new TurboClient(larder.url, (await createToken(larder, "default", "read")).token);
    for (const [name, send] of requests) {
      const response = await send(reader);
      // turbo goes on reading after this code only (2.11.11).
      if (name === "PUT") await expectRefusal(response, 403, "forbidden");
      else expect(response.ok).toBe(true);
    }
    expect(await (await client.get("shared")).text()).toBe("of default");
  });
});

describe("a team's state", () => {
  const states = [
    ["disabled", 403, "remote_caching_disabled"],
    ["over_limit", 403, "remote_caching_over_limit"],
    ["paused", 403, "remote_caching_paused"],
    ["blocked", 402, "blocked"],
  ] as const;

  test.each(states)(
    "%s is what the status says, and stops the cache with %d %s",
    async (state, status, code) => {
      const client = new TurboClient(larder.url, web.token);
      await cliOutput(larder, "team", "set", "web", "--state", state);
      if (state === "blocked") await expectRefusal(await client.status(), 402, "blocked");
      else expect(await (await client.status()).json()).toEqual({ status: state });

      await expectRefusal(await client.get("shared"), status, code);
      expect((await client.head("shared")).status).toBe(status);
      await expectRefusal(await client.put("shared", "more"), status, code);
      await expectRefusal(await client.query(["shared"]), status, code);
      // turbo reports its local hits even where remote caching is off.
      expect((await client.report([])).status).toBe(state === "blocked" ? 402 : 200);

      await cliOutput(larder, "team", "set", "web", "--state", "enabled");
      expect(await (await client.get("shared")).text()).toBe("of web");
    },
  );
});

describe("a limit of requests", () => {
  test("is each token's own, and says when to come back", async () => {
    await using limited = await startLarder({ args: ["--max-requests-per-minute", "3"] });
    const eager = new TurboClient(limited.url, limited.firstToken);
    for (let request = 0; request < 3; request++) expect((await eager.status()).status).toBe(200);
    for (const [name, send] of requests) {
      const response = await send(eager);
      expect(response.status).toBe(429);
      // turbo obeys whole seconds up to 10 (2.11.11); 0 would send it straight back.
      expect(Number(response.headers.get("retry-after"))).toBeWithin(1, 11);
      if (name !== "HEAD") await expectRefusal(response, 429, "too_many_requests");
    }
    const other = new TurboClient(limited.url, (await createToken(limited, "default")).token);
    expect((await other.status()).status).toBe(200);
    expect((await fetch(`${limited.url}/health/live`)).status).toBe(200);
  });
});
