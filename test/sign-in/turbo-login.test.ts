import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Team } from "../../src/identity/teams.ts";
import type { User } from "../../src/identity/users.ts";
import { identityBeside } from "../identity/beside.ts";
import { vouchedFor } from "../identity/vouched-for.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";
import { RawConnection } from "../server/raw-connection.ts";

const back = "http://127.0.0.1:9789";
const loginRoute = `/turborepo/token?${new URLSearchParams({ redirect_uri: back, state: "s t+a/t&e" })}`;
const teamRoute = (team: string, next = back) =>
  `/api/auth/sso?${new URLSearchParams({ teamId: team, mode: "login", next, state: "state" })}`;

const dayMs = 86_400_000;

let larder: RunningLarder;
let identity: ReturnType<typeof identityBeside>;
let ann: User;
let web: Team;
let cookie: string;

beforeAll(async () => {
  larder = await startLarder({ args: ["--login-token-max-age", "30d"] });
  identity = identityBeside(larder.dataFolder);
  ann = await identity.users.create({ email: "ann@example.org", name: "Ann <b>" });
  web = await identity.teams.create({ slug: "web", name: "The <i>web</i>" });
  await identity.teams.create({ slug: "secret" });
  await identity.members.set(web.id, ann.id, "member");
  cookie = await signedIn(ann);
});
afterAll(async () => {
  await identity[Symbol.asyncDispose]();
  await larder[Symbol.asyncDispose]();
});

async function signedIn(user: User): Promise<string> {
  return `larder_session=${await identity.sessions.open(vouchedFor(user), { address: null, client: null }, 60_000)}`;
}

function get(route: string, headers: Record<string, string> = { cookie }): Promise<Response> {
  return fetch(larder.url + route, { headers, redirect: "manual" });
}

async function csrfOf(route: string, ofCookie = cookie): Promise<string> {
  const html = await (await get(route, { cookie: ofCookie })).text();
  return /name="csrf" value="(\w+)"/.exec(html)?.[1] ?? "";
}

async function answer(
  route: string,
  decision: string,
  { csrf, headers = {} }: { csrf?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(larder.url + route, {
    method: "POST",
    headers: { cookie, origin: new URL(larder.url).origin, ...headers },
    body: new URLSearchParams({ csrf: csrf ?? (await csrfOf(route)), decision }),
    redirect: "manual",
  });
}

/** The days of UTC between then and now, or so much later: mostly one, and at midnight two. */
function daysSince(askedAt: number, laterMs = 0): RegExp {
  return new RegExp(
    [askedAt, Date.now()].map((at) => new Date(at + laterMs).toISOString().slice(0, 10)).join("|"),
  );
}

const tokensOfAnn = async () => (await identity.tokens.list({ userId: ann.id })).length;
const linksThere = () => rowsOf(larder.dataFolder, "SELECT * FROM links WHERE purpose = 'sso'").length;

describe("the page for turbo login", () => {
  test("says who asks, what for and for how long, with everything escaped", async () => {
    const askedAt = Date.now();
    const response = await get(loginRoute);
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html).toContain("Ann &lt;b&gt; (ann@example.org)");
    expect(html).toContain("port 9789 of this computer");
    expect(html).toContain("The &lt;i&gt;web&lt;/i&gt; (web): read and write");
    expect(html).toMatch(daysSince(askedAt, 30 * dayMs));
    expect(html).toContain("127.0.0.1");
    expect(html).not.toContain("secret");
  });

  test("lets its form lead to that very port and nowhere else, and no page frame it", async () => {
    for (const [redirectUri, source] of [
      [back, back],
      ["http://localhost:1234/x?y", "http://localhost:1234"],
    ] as const) {
      const response = await get(`/turborepo/token?${new URLSearchParams({ redirect_uri: redirectUri })}`);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy.split("; ")).toContain(`form-action 'self' ${source}`);
      expect(policy.split("; ")).toContain("frame-ancestors 'none'");
    }
    expect((await get(loginRoute)).headers.get("cache-control")).toBe("no-store");
  });

  test("gives a token to the program on the browser's computer, with its state as it came", async () => {
    const askedAt = Date.now();
    const response = await answer(loginRoute, "allow");
    expect(response.status).toBe(302);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const target = new URL(response.headers.get("location") ?? "");
    expect(target.origin + target.pathname).toBe(`${back}/`);
    expect([...target.searchParams.keys()]).toEqual(["token", "state"]);
    expect(target.searchParams.get("state")).toBe("s t+a/t&e");
    const secret = target.searchParams.get("token") as string;
    const token = await identity.logins.find(secret);
    expect(token).toMatchObject({
      userId: ann.id,
      teamId: null,
      scope: "",
      name: expect.stringMatching(
        new RegExp(`^turbo login from 127\\.0\\.0\\.1, (${daysSince(askedAt).source})$`),
      ),
      createdBy: "user ann@example.org",
    });
    expect(token?.expiresAt).toBeWithin(askedAt + 30 * dayMs, Date.now() + 30 * dayMs + 1);
    expect(
      rowsOf(
        larder.dataFolder,
        `SELECT actor_kind AS kind, actor_name AS name, address FROM audit WHERE kind = 'token.create' AND target = '${token?.id}'`,
      ),
    ).toEqual([{ kind: "user", name: "ann@example.org", address: "127.0.0.1" }]);
    expect(larder.stderr() + larder.stdout()).not.toContain(secret);
  });

  test("sends no state to a client that had none, and keeps the rest of its address", async () => {
    const route = `/turborepo/token?${new URLSearchParams({ redirect_uri: "http://localhost:1/a?b=c&token=old&state=old" })}`;
    const target = new URL((await answer(route, "allow")).headers.get("location") ?? "");
    expect(target.host + target.pathname).toBe("localhost:1/a");
    expect([...target.searchParams.keys()]).toEqual(["b", "token"]);
    expect(target.searchParams.get("token")).toStartWith("lrd_");
  });

  test("gives nothing when it is denied, or not clearly allowed", async () => {
    const before = await tokensOfAnn();
    for (const decision of ["deny", "", "yes"]) {
      const response = await answer(loginRoute, decision);
      expect([response.status, response.headers.get("location")]).toEqual([200, null]);
      expect(await response.text()).toContain("No token was given");
    }
    expect(await tokensOfAnn()).toBe(before);
  });

  test("takes no answer from another site, of another sign-in, or without its form's own code", async () => {
    const before = await tokensOfAnn();
    const bob = await signedIn(await identity.users.create({ email: "bob@example.org" }));
    const refused = await Promise.all([
      answer(loginRoute, "allow", { headers: { origin: "http://evil.example" } }),
      answer(loginRoute, "allow", { headers: { "sec-fetch-site": "cross-site" } }),
      answer(loginRoute, "allow", { csrf: "" }),
      answer(loginRoute, "allow", { csrf: await csrfOf(loginRoute, bob) }),
    ]);
    expect(refused.map(({ status, headers }) => [status, headers.get("location")])).toEqual(
      Array(4).fill([403, null]),
    );
    expect(await tokensOfAnn()).toBe(before);
  });

  test("first asks whoever is not signed in, and comes back with all that the client said", async () => {
    const asked = await get(loginRoute, {});
    expect(asked.status).toBe(303);
    const signIn = new URL(asked.headers.get("location") ?? "", larder.url);
    expect([signIn.pathname, signIn.searchParams.get("next")]).toEqual(["/sign-in", loginRoute]);
    // A session may also end while its page is open.
    const answered = await answer(loginRoute, "allow", { headers: { cookie: "larder_session=lrs_gone" } });
    expect([answered.status, answered.headers.get("location")]).toEqual([303, asked.headers.get("location")]);
  });

  test("an administrator's token is good for all teams, and the page lists no more than some", async () => {
    await using full = await startLarder();
    await using beside = identityBeside(full.dataFolder);
    const admin = await beside.users.create({ email: "admin@example.org", role: "admin" });
    for (let count = 0; count < 24; count++) await beside.teams.create({ slug: `team-${count}` });
    const session = await beside.sessions.open(vouchedFor(admin), { address: null, client: null }, 60_000);
    const response = await fetch(full.url + loginRoute, { headers: { cookie: `larder_session=${session}` } });
    const html = await response.text();
    expect(html.match(/<li>/g)).toHaveLength(20);
    expect(html).toContain("And in 5 more teams.");
  });
});

describe("the page for turbo login --sso-team", () => {
  test("gives a link that is good for one token, with the address of the one who signed in", async () => {
    for (const name of ["web", web.id]) {
      const askedAt = Date.now();
      const target = new URL((await answer(teamRoute(name), "allow")).headers.get("location") ?? "");
      expect(target.origin).toBe(back);
      const { token: link = "", ...rest } = Object.fromEntries(target.searchParams);
      expect(rest).toEqual({ email: "ann@example.org", state: "state" });
      expect(await identity.links.find(link, "sso")).toMatchObject({ userId: ann.id, teamId: web.id });
      const found = await identity.links.find(link, "sso");
      expect(found?.expiresAt).toBeWithin(askedAt + 5 * 60_000, Date.now() + 5 * 60_000 + 1);
    }
  });

  test("tells the client that it was denied", async () => {
    const before = linksThere();
    const target = new URL((await answer(teamRoute("web"), "deny")).headers.get("location") ?? "");
    expect([...target.searchParams.keys()]).toEqual(["loginError", "state"]);
    expect(linksThere()).toBe(before);
  });

  test("gives nothing for a team of others, in the same words as for one that does not exist", async () => {
    const before = linksThere();
    const pages = await Promise.all(
      ["secret", "absent"].map(async (team) => {
        const response = await get(teamRoute(team));
        expect(response.status).toBe(403);
        return (await response.text()).replaceAll(team, "TEAM");
      }),
    );
    expect(pages[0]).toBe(pages[1] as string);
    const csrf = await csrfOf(teamRoute("web"));
    for (const team of ["secret", "absent", ""])
      expect((await answer(teamRoute(team), "allow", { csrf })).status).toBe(403);
    expect(linksThere()).toBe(before);
  });
});

test.each([
  "/turborepo/token",
  "/turborepo/token?redirect_uri=http://evil.example",
  "/turborepo/token?redirect_uri=http://127.0.0.1@evil.example",
  "/turborepo/token?redirect_uri=https://127.0.0.1:9789",
  `/turborepo/token?redirect_uri=${encodeURIComponent("http://127.0.0.1:9789/#x")}`,
  `${loginRoute}${"x".repeat(600)}`,
  teamRoute("web", "http://evil.example"),
  teamRoute("x".repeat(101)),
])("%s is refused on sight, signed in or not", async (route) => {
  const before = await tokensOfAnn();
  const csrf = await csrfOf(loginRoute);
  for (const response of [await get(route), await get(route, {}), await answer(route, "allow", { csrf })]) {
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
    expect(response.headers.get("content-type")).toStartWith("text/html");
    expect(await response.text()).not.toContain("<form");
  }
  expect(await tokensOfAnn()).toBe(before);
});

test("where turbo sends the browser in the end there is a page for everybody", async () => {
  const response = await get("/turborepo/success", {});
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("turbo is signed in");
});

test.each(["/turborepo/token", "/turborepo/success", "/api/auth/sso"])(
  "%s comes with a doubled slash, answers HEAD, and 405 to what it has no use for",
  async (path) => {
    // fetch makes one slash of two at the beginning of a path.
    using connection = await RawConnection.open(larder.url);
    await connection.send(`GET /${path}?redirect_uri=a&next=b HTTP/1.1\r\nHost: cache.test\r\n\r\n`);
    const doubled = await connection.answer();
    expect([doubled.status, doubled.headers.get("location")]).toEqual([303, `${path}?redirect_uri=a&next=b`]);
    const head = await fetch(larder.url + path + loginRoute.slice(loginRoute.indexOf("?")), {
      method: "HEAD",
      headers: { cookie },
    });
    expect([head.status, await head.text()]).toEqual([path === "/api/auth/sso" ? 400 : 200, ""]);
    const refused = await fetch(larder.url + path, { method: "PUT" });
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toStartWith("GET, HEAD");
  },
);

test("without an end to the tokens' life the page says so", async () => {
  await using endless = await startLarder({ args: ["--login-token-max-age", "none"] });
  await using beside = identityBeside(endless.dataFolder);
  const user = await beside.users.create({ email: "ann@example.org" });
  const session = await beside.sessions.open(vouchedFor(user), { address: null, client: null }, 60_000);
  const headers = { cookie: `larder_session=${session}`, origin: endless.url };
  const html = await (await fetch(endless.url + loginRoute, { headers })).text();
  expect(html).toContain("until you revoke it");
  expect(html).toContain("You are in no team yet");
  const csrf = /name="csrf" value="(\w+)"/.exec(html)?.[1] ?? "";
  await fetch(endless.url + loginRoute, {
    method: "POST",
    headers,
    body: new URLSearchParams({ csrf, decision: "allow" }),
    redirect: "manual",
  });
  expect(await beside.tokens.list({ userId: user.id })).toMatchObject([{ expiresAt: null }]);
});

test("whoever is disabled while the form with the answer is on its way allows nothing more", async () => {
  const eve = await identity.users.create({ email: "eve@example.org" });
  const hers = await signedIn(eve);
  const body = new URLSearchParams({ csrf: await csrfOf(loginRoute, hers), decision: "allow" }).toString();
  const { host, origin } = new URL(larder.url);
  using connection = await RawConnection.open(larder.url);
  const headers = { host, origin, cookie: hers, "content-type": "application/x-www-form-urlencoded" };
  const lines = Object.entries({ ...headers, "content-length": body.length }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  await connection.send(`POST ${loginRoute} HTTP/1.1\r\n${lines.join("")}\r\n${body.slice(0, 1)}`);
  // What comes after it is answered after she has been let in.
  for (let request = 0; request < 3; request++) await get(loginRoute, { cookie: hers });
  await identity.users.set(eve.id, { isDisabled: true });
  await connection.send(body.slice(1));
  expect((await connection.answer()).status).toBe(401);
  expect(await identity.tokens.list({ userId: eve.id })).toEqual([]);
});
