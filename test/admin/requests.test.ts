import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newSecret } from "../../src/identity/secret.ts";
import { RawConnection } from "../server/raw-connection.ts";
import { SiteClient } from "../sign-in/site-client.ts";
import type { Sent } from "./api-client.ts";
import { openWorld, type World } from "./world.ts";

let world: World;
let secret: string;

beforeAll(async () => {
  world = await openWorld();
  const { admin } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  secret = (await admin.ok("POST", "/tokens", { team: "web", name: "ci", permission: "admin" })).secret;
}, 120_000);

afterAll(async () => await world?.[Symbol.asyncDispose]());

describe("a request of a browser that changes something", () => {
  const change = ["PATCH", "/teams/web", { name: "changed" }] as const;

  test.each<[string, Sent]>([
    ["of another site", { origin: "https://evil.example.com" }],
    ["of another site, as the browser says", { "sec-fetch-site": "cross-site" }],
    ["of a site beside it", { "sec-fetch-site": "same-site" }],
    ["that says nothing of where it comes from", { origin: "" }],
    ["without the session's token", { "x-csrf-token": "" }],
    ["with another token", { "x-csrf-token": "0".repeat(64) }],
  ])("is refused %s", async (_, more) => {
    const { status } = await world.admin.send(...change, more);
    expect(status).toBe(403);
    expect((await world.admin.get("/teams/web")).name).toBe("web");
  });

  test("is refused with the token of another session of the same user", async () => {
    const other = new SiteClient(world.larder.url);
    await other.signIn();
    const { csrfToken } = (await (await other.get("/api/v1/me")).json()) as { csrfToken: string };
    expect((await world.admin.send(...change, { "x-csrf-token": csrfToken })).status).toBe(403);
  });

  test("is refused as a form, which any site can send", async () => {
    const { status } = await world.admin.send("POST", "/teams", "slug=evil", {
      "content-type": "application/x-www-form-urlencoded",
      "x-csrf-token": "",
    });
    expect(status).toBe(403);
  });

  test("counts from larder's own pages, whose Origin or Sec-Fetch-Site says so", async () => {
    expect((await world.admin.send(...change, { "sec-fetch-site": "same-origin", origin: "" })).status).toBe(
      200,
    );
    expect((await world.admin.send("PATCH", "/teams/web", { name: "web" })).status).toBe(200);
  });

  test("ends with the session", async () => {
    const site = new SiteClient(world.larder.url);
    await site.signIn();
    const { cookie } = site;
    await site.postFromAccount("/sign-out");
    expect((await world.anonymous.send("GET", "/me", undefined, { cookie })).status).toBe(401);
  });
});

test("a token counts before a cookie, and needs neither Origin nor the session's token", async () => {
  const { cookie } = world.admin.sent as { cookie: string };
  const ofTeam = world.bearer(secret);
  expect((await ofTeam.send("GET", "/me", undefined, { cookie })).json.kind).toBe("token");
  expect((await ofTeam.send("PATCH", "/teams/web", { requireTag: false })).status).toBe(200);
});

test.each(["Basic abc", "Bearer", "Bearer  ", "bearer", "Bearer a b", ""])(
  "what is no token in %j is no reason to look at the cookie",
  async (authorization) => {
    const { cookie } = world.admin.sent as { cookie: string };
    const { status, headers } = await world.anonymous.send("GET", "/me", undefined, {
      cookie,
      authorization,
    });
    // fetch leaves an empty header out.
    if (authorization === "") return;
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe('Bearer realm="larder"');
  },
);

describe("what is wrong with a request", () => {
  test.each<[method: string, path: string, body: unknown, told: string]>([
    ["POST", "/teams", undefined, "The request has no body; send JSON."],
    ["POST", "/teams", "{", "The body is not JSON."],
    ["POST", "/teams", "[".repeat(100), "nests deeper"],
    ["POST", "/teams", [], "The body is not allowed"],
    ["POST", "/teams", {}, `field "slug" is missing. It takes a text`],
    [
      "POST",
      "/teams",
      { slug: 1 },
      `field "slug" is not allowed as it stands. It takes a text of at most 300 characters.`,
    ],
    ["POST", "/teams", { slug: "x", quota: 1 }, `field "quota" is none that this route knows`],
    ["POST", "/teams", { slug: "Not a slug" }, "cannot be a slug"],
    ["POST", "/teams", { slug: "x", overwrite: "sometimes" }, `"allow" or "never"`],
    ["PATCH", "/teams/web", {}, "Nothing to change"],
    ["PATCH", "/teams/web", { quotaBytes: 0 }, "a whole number from 1 to 9007199254740991 or null"],
    ["PATCH", "/teams/web", { quotaBytes: 1.5 }, "a whole number"],
    ["PATCH", "/teams/web", { slug: "default" }, "There is a team"],
    ["POST", "/tokens", { team: "web", name: "x", permission: "all" }, `"read", "write" or "admin"`],
    ["POST", "/tokens", { team: "web", name: "x", permission: "read", expiresAt: "soon" }, "a time such as"],
    [
      "POST",
      "/tokens",
      { team: "web", name: "x", permission: "read", expiresAt: "2020-01-01T00:00:00Z" },
      "expired already",
    ],
    [
      "POST",
      "/tokens",
      { team: "web", name: "x", permission: "admin", scope: "pr-1" },
      "admin is for trusted ones",
    ],
    ["POST", "/tokens", { team: "web", name: "x", permission: "read", scope: "" }, `field "scope"`],
    ["POST", "/tokens", { name: "x", permission: "read" }, `field "team" is missing`],
    ...["2027-02-30T00:00:00Z", "2027-04-31T10:00:00+02:00"].map(
      (expiresAt): [string, string, unknown, string] => [
        "POST",
        "/tokens",
        { team: "web", name: "x", permission: "read", expiresAt },
        `field "expiresAt" is n`,
      ],
    ),
    [
      "POST",
      "/purge",
      { team: "web", usedBefore: "2026-02-29T00:00:00Z", dryRun: true },
      `field "usedBefore" is n`,
    ],
    ["POST", "/users", { email: "no address" }, "e-mail address"],
    ["POST", "/users", { email: "x@example.org", teams: [{ team: "wex", role: "owner" }] }, "no team"],
    [
      "POST",
      "/users",
      { email: "x@example.org", teams: [{ team: "web", role: "boss" }] },
      `"owner", "member" or "viewer"`,
    ],
    ["PATCH", "/users/nobody@example.org", { name: "x" }, "There is no user"],
    ["PUT", "/teams/web/members/nobody@example.org", { role: "owner" }, "There is no user"],
    ["POST", "/policies", { team: "web" }, "Name a provider"],
    ["POST", "/policies", { team: "web", provider: "jenkins" }, `"github"`],
    ["POST", "/policies", { team: "web", branch: { toString: [] } }, `"toString"`],
    ["POST", "/policies", { team: "web", branch: [{ toString: 1 }] }, `"toString"`],
    ["POST", "/tokens/test", {}, `field "secret" is missing`],
    ["POST", "/tokens/test", { secret: "x".repeat(65_537) }, `field "secret"`],
    ["POST", "/policies/test", { token: "x" }, "no JWT"],
    ["POST", "/policies/test", { token: newSecret() }, "a token of larder's own, and no CI job's"],
    ["POST", "/policies/test", { token: "x".repeat(65_537) }, `field "token"`],
    ["POST", "/purge", { team: "web", dryRun: false }, "would purge all artifacts"],
    [
      "POST",
      "/purge",
      { team: "web", tool: "turbo", dryRun: false },
      `would purge all artifacts of tool "turbo" of team "web". Say "all": true`,
    ],
    ["POST", "/purge", { team: null, dryRun: true }, "Whose artifacts?"],
    ["POST", "/purge", { team: "web", writtenBy: "nobody", dryRun: true }, "There is no such token"],
    [
      "POST",
      "/purge",
      {
        team: "web",
        writtenAfter: "2026-01-02T00:00:00Z",
        writtenBefore: "2026-01-01T00:00:00Z",
        dryRun: true,
      },
      "is not before",
    ],
    [
      "GET",
      "/artifacts?limit=0",
      undefined,
      `field "limit" is not allowed as it stands. It takes a whole number`,
    ],
    ["GET", "/runs?limit=0&team=web", undefined, `field "limit" is not allowed`],
    ["GET", "/runs/0", undefined, `field "id" is not allowed`],
    ["GET", "/artifacts?limit=201", undefined, "a whole number from 1 to 200"],
    ["GET", "/artifacts?limit=x", undefined, "a whole number from 1 to 200"],
    ["GET", "/artifacts?sort=name", undefined, `"used", "size" or "created"`],
    ["GET", "/artifacts?hash=ab", undefined, "at least 3 characters"],
    ["GET", "/artifacts?cursor=nonsense", undefined, "cursor is none of this list"],
    ["GET", "/artifacts/x", undefined, "a whole number"],
    ["GET", "/artifacts/77", undefined, "no such artifact"],
    ["GET", "/runs/77", undefined, "no such run"],
    ["GET", "/runs?cursor=nonsense", undefined, "cursor is none of this list"],
    ["GET", "/tokens?cursor=nonsense", undefined, "cursor is none of this list"],
    ["GET", "/users?cursor=nonsense", undefined, "cursor is none of this list"],
    ["GET", "/audit?cursor=nonsense", undefined, "cursor is none of this list"],
    ["GET", "/audit?since=yesterday", undefined, "a time ago such as 7d"],
    ["GET", "/audit?since=2026-02-30", undefined, "a time ago such as 7d"],
    ["GET", "/audit?since=1d&until=2d", undefined, "is not before until"],
    ["GET", "/audit?kind=nothing", undefined, "one of the words that /api lists"],
    ["GET", "/overview?since=20d&until=30d", undefined, "is not before"],
    ["GET", "/overview?since=2000-01-01", undefined, "up to ten years"],
    ["GET", "/teams/nothing", undefined, "There is no team"],
    ["GET", "/nothing", undefined, "There is no /api/v1/nothing in the API"],
    ["DELETE", "/teams/default", undefined, "cannot be deleted"],
    ["DELETE", "/users/ann@example.org", undefined, "is the last administrator"],
    ["PATCH", "/users/ann@example.org", { role: "member" }, "is the last administrator"],
    ["PATCH", "/users/ann@example.org", { state: "disabled" }, "is the last administrator"],
  ])("is said: %s %s %j", async (method, path, body, told) => {
    const { status, json } = await world.admin.send(method, path, body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(json.message).toContain(told);
  });

  test("is nothing that a message repeats of it", async () => {
    const body = { team: "web", name: "x", permission: "read", secret: "lrd_mysecret" };
    expect((await world.admin.send("POST", "/tokens", body)).text).not.toContain("lrd_mysecret");
    for (const path of ["/overview?team=lrd_mysecret", "/teams/lrd_mysecret", "/lrd_mysecret"]) {
      const { status, text } = await world.admin.send("GET", path);
      expect([path, status]).toEqual([path, 404]);
      expect(text).toContain("****");
      expect(text).not.toContain("mysecret");
    }
    const { text } = await world.admin.send("POST", "/teams", { slug: 12345678 });
    expect(text).not.toContain("12345678");
  });

  test("is too much of it", async () => {
    expect(
      (await world.admin.send("POST", "/teams", { slug: "x", name: "x".repeat(2_000_000) })).status,
    ).toBe(413);
  });
});

test("a text that is longer than any of its kind is refused before anything looks for it, and not repeated", async () => {
  const long = "x".repeat(5_000);
  for (const [method, path, body] of [
    ["GET", `/runs?origin=${long}`],
    ["GET", `/audit?actor=${long}`],
    ["GET", `/tokens/${long}`],
    ["GET", `/artifacts?cursor=${long}`],
    ["POST", "/purge", { team: "web", writtenBy: long, dryRun: true }],
    ["POST", "/policies", { team: "web", issuer: long, claims: { a: "b" }, trusted: true }],
    [
      "POST",
      "/policies",
      { team: "web", issuer: "https://ci.example.com", claims: { a: long }, trusted: true },
    ],
  ] as const) {
    const { status, text } = await world.admin.send(method, path, body);
    expect([path.slice(0, 20), status, text.length < 1_000]).toEqual([path.slice(0, 20), 400, true]);
  }
});

test("a token that is called as a user does not stand in for the user when artifacts are purged by who wrote them", async () => {
  const user = await world.admin.ok("POST", "/users", { email: "dan@example.org" });
  const wish = { team: "web", permission: "read" };
  await world.admin.ok("POST", "/tokens", { ...wish, name: "dan@example.org" });
  await world.admin.ok("POST", "/tokens", { ...wish, name: "dan@laptop" });
  const purge = (writtenBy: string) =>
    world.admin.send("POST", "/purge", { team: "web", writtenBy, dryRun: true });
  const both = await purge("dan@example.org");
  expect([both.status, both.json.message]).toEqual([409, expect.stringContaining("usr_… or tok_…")]);
  expect((await purge(user.id)).status).toBe(200);
  expect((await purge("dan@laptop")).status).toBe(200);
});

test("what is left out of a request is left as it is, and never filled in", async () => {
  const user = await world.admin.ok("POST", "/users", { email: "bob@example.org", role: "admin", teams: [] });
  expect(await world.admin.ok("PATCH", "/users/bob@example.org", { state: "disabled" })).toMatchObject({
    role: "admin",
  });
  expect(await world.admin.ok("PATCH", `/users/${user.id}`, { name: "Bob" })).toMatchObject({
    role: "admin",
    state: "disabled",
  });
  expect(await world.admin.ok("POST", "/users", { email: "cy@example.org" })).toMatchObject({
    role: "member",
  });
  await world.admin.ok("PATCH", "/teams/web", {
    overwrite: "never",
    quotaBytes: 5,
    quotaRule: "refuse",
    state: "paused",
  });
  const team = await world.admin.ok("PATCH", "/teams/web", { requireTag: true });
  expect(team).toMatchObject({
    overwrite: "never",
    quotaBytes: 5,
    quotaRule: "refuse",
    state: "paused",
    requireTag: true,
  });
  const [policy] = (
    await world.admin.ok("POST", "/policies", { team: "web", provider: "github", repository: "a/b" })
  ).items;
  expect(policy).toMatchObject({ permission: "write", tokenMaxAgeMs: 3_600_000 });
  expect(JSON.stringify(world.description.document)).not.toContain('"default":');
});

test("every path answers HEAD where it answers GET, and 405 with Allow to what it does not know", async () => {
  const head = await world.admin.send("HEAD", "/teams/web");
  expect({ status: head.status, length: head.headers.get("content-length") }).toEqual({
    status: 200,
    length: (await world.admin.send("GET", "/teams/web")).headers.get("content-length"),
  });
  for (const [method, path, allow] of [
    ["POST", "/me", "GET, HEAD"],
    ["PUT", "/teams", "GET, HEAD, POST"],
    ["OPTIONS", "/teams/web", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/policies/test", "DELETE, POST"],
    ["PATCH", "/tokens/test", "DELETE, GET, HEAD, POST"],
    ["GET", "/purge", "POST"],
  ] as const) {
    const { status, headers } = await world.admin.send(method, path);
    expect([method, path, status, headers.get("allow")]).toEqual([method, path, 405, allow]);
  }
});

test.each(["..", ".", "%2e%2e", "%2E", ""])(
  "%j in the place of a name means no other thing",
  async (name) => {
    await world.admin.ok("POST", "/teams", { slug: "dots" });
    for (const path of [
      `/teams/dots/members/${name}`,
      `/teams/dots/${name}`,
      `/tokens/${name}`,
      `/users/${name}`,
    ]) {
      // As it is, which fetch would put right.
      using connection = await RawConnection.open(world.larder.url);
      const head = Object.entries(world.admin.sent).map(([header, value]) => `${header}: ${value}\r\n`);
      const { host } = new URL(world.larder.url);
      await connection.send(`DELETE /api/v1${path} HTTP/1.1\r\nHost: ${host}\r\n${head.join("")}\r\n`);
      const { status } = await connection.answer();
      expect([path, [404, 405].includes(status)]).toEqual([path, true]);
    }
    await world.admin.ok("DELETE", "/teams/dots");
  },
);

test("nothing of the API is kept by a browser or a proxy, whatever the answer", async () => {
  for (const [method, path, body] of [
    ["GET", "/me"],
    ["HEAD", "/teams"],
    ["HEAD", "/live"],
    ["GET", "/teams/nowhere"],
    ["POST", "/teams", { slug: 1 }],
    ["POST", "/teams", "{"],
    ["PUT", "/me"],
    ["GET", "/nothing"],
  ] as const) {
    for (const client of [world.admin, world.anonymous]) {
      const { headers } = await client.send(method, path, body);
      expect([method, path, headers.get("cache-control")]).toEqual([method, path, "no-store"]);
    }
  }
});

test("no page of another site may read an answer", async () => {
  for (const [method, path] of [
    ["GET", "/me"],
    ["OPTIONS", "/teams"],
    ["GET", "/nothing"],
  ] as const) {
    const { headers } = await world.admin.send(method, path, undefined, {
      origin: "https://evil.example.com",
      "access-control-request-method": "POST",
    });
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

test("requests are counted by token and by user, whoever's browser it is", async () => {
  // One more is let in with each third of a minute.
  await using limited = await openWorld({ args: ["--max-requests-per-minute", "3"] });
  const other = new SiteClient(limited.larder.url);
  await other.signIn();
  const statuses = [];
  for (let request = 0; request < 25; request++)
    statuses.push((await limited.admin.send("GET", "/me")).status);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(2);
  expect((await other.get("/api/v1/me")).status).toBe(429);
  const { firstToken } = limited.larder;
  expect((await limited.bearer(firstToken).send("GET", "/me")).status).toBe(200);
});
