import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ApiClient, Json } from "./api-client.ts";
import { openWorld, type World } from "./world.ts";

/** What a caller is to team web: nobody, what sees it, a person who does, an owner, or an administrator of the server. */
const levels = ["nobody", "read", "person", "admin", "server"] as const;
type Level = (typeof levels)[number];

let world: World;
/** Of each route one request that changes nothing that another needs. */
let place: { artifact: number; run: number; token: string; ownToken: string; policy: string };
const callers = new Map<string, { client: ApiClient; level: Level }>();

const allowed: [name: string, level: Level][] = [
  ["an administrator in a browser", "server"],
  ["an administrator's token with permission admin", "server"],
  ["an administrator's token with permission read", "person"],
  ["an owner in a browser", "admin"],
  ["an owner's token with permission admin", "admin"],
  ["an owner's token with permission write", "person"],
  ["a member in a browser", "person"],
  ["a viewer in a browser", "person"],
  ["a team's token with permission admin", "admin"],
  ["a team's token with permission write", "read"],
  ["a team's token with permission read", "read"],
  ["the owner of another team in a browser", "nobody"],
  ["another team's token with permission admin", "nobody"],
  ["the environment's token", "nobody"],
];

beforeAll(async () => {
  world = await openWorld({ env: { TURBO_TOKEN: "a-secret-of-the-environment" } });
  const { admin, bearer } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  await admin.ok("POST", "/teams", { slug: "app" });
  const owner = await world.signIn("owner", { web: "owner" });
  const token = async (client: ApiClient, team: string | null, permission: string, scope?: string) =>
    (
      await client.ok("POST", "/tokens", {
        team,
        name: `${team} ${permission}`,
        permission,
        ...(scope && { scope }),
      })
    ).secret;
  const write = await token(admin, "web", "write");
  const scoped = await token(admin, "web", "write", "pr-1");
  const ownWrite = await token(owner, null, "write");
  const own = (secret: string, level: Level) => ({ client: bearer(secret), level });
  const all: Record<string, { client: ApiClient; level: Level }> = {
    "an administrator in a browser": { client: admin, level: "server" },
    "an administrator's token with permission admin": own(await token(admin, null, "admin"), "server"),
    "an administrator's token with permission read": own(await token(admin, null, "read"), "person"),
    "an owner in a browser": { client: owner, level: "admin" },
    "an owner's token with permission admin": own(await token(owner, null, "admin"), "admin"),
    "an owner's token with permission write": own(ownWrite, "person"),
    "a member in a browser": { client: await world.signIn("member", { web: "member" }), level: "person" },
    "a viewer in a browser": { client: await world.signIn("viewer", { web: "viewer" }), level: "person" },
    "a team's token with permission admin": own(await token(admin, "web", "admin"), "admin"),
    "a team's token with permission write": own(write, "read"),
    "a team's token with permission read": own(await token(admin, "web", "read"), "read"),
    "the owner of another team in a browser": {
      client: await world.signIn("stranger", { app: "owner" }),
      level: "nobody",
    },
    "another team's token with permission admin": own(await token(admin, "app", "admin"), "nobody"),
    "the environment's token": own("a-secret-of-the-environment", "nobody"),
    "a token with a scope": own(scoped, "nobody"),
  };
  for (const [name, caller] of Object.entries(all)) callers.set(name, caller);
  await world.upload(write, "web", "abc1", "trusted");
  await world.upload(scoped, "web", "abc2", "untrusted");
  const { items } = await admin.get("/artifacts?team=web&sort=created&order=asc");
  await world.report(ownWrite, "web", {
    sessionId: "s1",
    source: "LOCAL",
    event: "HIT",
    hash: "abc1",
    duration: 9,
  });
  const ownTokens = (await owner.get("/tokens")).items;
  const reporter = ownTokens.find(({ permission }: Json) => permission === "write");
  const [run] = await world.someOf(admin, `/runs?team=web&origin=${reporter.id}`);
  const policies = await admin.ok("POST", "/policies", {
    team: "web",
    provider: "github",
    repository: "acme/web",
  });
  const spare = await admin.ok("POST", "/tokens", { team: "web", name: "spare", permission: "read" });
  await admin.ok("POST", "/users", { email: "spare@example.org" });
  place = {
    artifact: items[0].id,
    run: run.id,
    token: spare.id,
    ownToken: ownTokens[0].id,
    policy: policies.items[0].id,
  };
}, 120_000);

// Whoever may take him out has done so.
beforeEach(async () => {
  await world.admin.ok("PUT", "/teams/web/members/spare@example.org", { role: "viewer" });
});
afterAll(async () => await world?.[Symbol.asyncDispose]());

/** Another one each time that it is sent. */
const newPolicy = {
  team: "web",
  provider: "gitlab",
  get repository() {
    return `acme/${crypto.randomUUID()}`;
  },
};

/** `hidden`: whoever may not sees no difference from what is not there. */
const routes: [
  method: string,
  path: (to: typeof place) => string,
  needed: Level,
  hidden?: boolean,
  body?: unknown,
][] = [
  ["GET", () => "/me", "nobody"],
  ["GET", () => "/teams", "nobody"],
  ["GET", () => "/artifacts", "nobody"],
  ["GET", () => "/runs", "nobody"],
  ["GET", () => "/overview", "nobody"],
  ["HEAD", () => "/live", "nobody"],
  ["GET", () => "/connect", "nobody"],
  ["GET", () => "/teams/web", "read"],
  ["GET", () => "/teams/web/members", "person"],
  ["GET", () => "/overview?team=web", "read"],
  ["GET", () => "/runs?team=web", "read"],
  ["GET", ({ run }) => `/runs/${run}`, "read", true],
  ["GET", ({ run }) => `/runs/${run}/events`, "read", true],
  ["GET", () => "/artifacts?team=web", "read"],
  ["GET", ({ artifact }) => `/artifacts/${artifact}`, "read", true],
  ["GET", ({ artifact }) => `/artifacts/${artifact}/content`, "read", true],
  ["HEAD", () => "/live?team=web", "read"],
  ["GET", () => "/connect?team=web", "read"],
  ["PATCH", () => "/teams/web", "admin", false, { requireTag: false }],
  ["PUT", () => "/teams/web/members/member@example.org", "admin", false, { role: "member" }],
  ["DELETE", () => "/teams/web/members/spare@example.org", "admin"],
  ["GET", () => "/tokens?team=web", "admin"],
  ["POST", () => "/tokens", "admin", false, { team: "web", name: "new", permission: "read" }],
  ["GET", ({ token }) => `/tokens/${token}`, "admin", true],
  ["DELETE", ({ token }) => `/tokens/${token}`, "admin", true],
  ["GET", () => "/policies?team=web", "admin"],
  ["POST", () => "/policies", "admin", false, newPolicy],
  ["GET", () => "/audit?team=web", "admin"],
  ["POST", () => "/purge", "admin", false, { team: "web", dryRun: true }],
  ["POST", () => "/purge", "admin", false, { team: "web", hash: "nothing", dryRun: false }],
  ["PATCH", () => "/teams/web", "server", false, { quotaBytes: null }],
  ["PATCH", () => "/teams/web", "server", false, { state: "enabled" }],
  ["POST", () => "/purge", "server", false, { team: null, writtenBy: "TURBO_TOKEN", dryRun: true }],
  ["GET", () => "/audit", "server"],
  ["GET", () => "/users", "server"],
  ["GET", () => "/users/owner@example.org", "server"],
  ["PATCH", () => "/users/viewer@example.org", "server", false, { name: "viewer" }],
  ["GET", () => "/settings", "server"],
  ["GET", () => "/storage", "server"],
  ["POST", () => "/verify", "server", false, {}],
  ["POST", () => "/gc", "server", false, { dryRun: true }],
  ["POST", () => "/gc", "server", false, { dryRun: false }],
];

describe.each(allowed)("%s", (name) => {
  test.each(routes.map((route) => [route[0], route[1].toString().replace(/^.*=> /, ""), route] as const))(
    "%s %s",
    async (_, __, [method, path, needed, hidden, body]) => {
      const { client, level } = callers.get(name) as { client: ApiClient; level: Level };
      const answer = await client.send(method, path(place), body);
      if (levels.indexOf(level) >= levels.indexOf(needed)) return expect(answer.status).toBeLessThan(300);
      const isNobody = level === "nobody";
      expect(answer.status).toBe(hidden && (isNobody || path(place).startsWith("/tokens/")) ? 404 : 403);
      if (isNobody && answer.status === 403 && path(place).includes("web"))
        expect(answer.json?.code ?? "wrong_team").toBe("wrong_team");
    },
  );
});

test.each(routes.map((route) => [route[0], route[1].toString().replace(/^.*=> /, ""), route] as const))(
  "nobody in particular, and untrusted work, may not %s %s",
  async (_, __, [method, path, ___, ____, body]) => {
    expect((await world.anonymous.send(method, path(place), body)).status).toBe(401);
    expect((await world.bearer("lrd_wrong").send(method, path(place), body)).status).toBe(401);
    const scoped = callers.get("a token with a scope")?.client as ApiClient;
    const { status, json } = await scoped.send(method, path(place), body);
    expect(status).toBe(403);
    if (method !== "HEAD") expect(json.message).toContain("untrusted work");
  },
);

test("a team that one may not see is the same whether it is there or not", async () => {
  const stranger = callers.get("the owner of another team in a browser")?.client as ApiClient;
  const [there, missing] = [
    await stranger.send("GET", "/teams/web"),
    await stranger.send("GET", "/teams/wex"),
  ];
  expect(there.status).toBe(403);
  expect(missing.status).toBe(403);
  expect(there.text.replaceAll("web", "x")).toBe(missing.text.replaceAll("wex", "x"));
});

test("an owner who takes out somebody who is no member does not learn whether there is such a user", async () => {
  const owner = callers.get("an owner in a browser")?.client as ApiClient;
  const [there, missing] = [
    await owner.send("DELETE", "/teams/web/members/stranger@example.org"),
    await owner.send("DELETE", "/teams/web/members/strangex@example.org"),
  ];
  expect([there.status, missing.status]).toEqual([404, 404]);
  expect(there.text.replaceAll("stranger@", "x")).toBe(missing.text.replaceAll("strangex@", "x"));
});

test("a team's own token gets nobody's e-mail address, unless it looks after the team", async () => {
  const seenBy = async (name: string) => {
    const { client } = callers.get(name) as { client: ApiClient };
    const answers = await Promise.all(
      routes
        .filter(([method]) => method === "GET")
        .map(async ([method, path]) => [path(place), (await client.send(method, path(place))).text] as const),
    );
    return answers.filter(([, text]) => text.includes("@example.org")).map(([path]) => path);
  };
  for (const permission of ["read", "write"])
    expect(await seenBy(`a team's token with permission ${permission}`)).toEqual([]);
  expect(await seenBy("a viewer in a browser")).toEqual(
    expect.arrayContaining([`/runs/${place.run}`, "/runs?team=web", "/teams/web/members"]),
  );
  expect(await seenBy("a team's token with permission admin")).toEqual(
    expect.arrayContaining(["/runs?team=web", "/teams/web/members", "/audit?team=web"]),
  );
});

test("whoever reads sees what untrusted work wrote, too, and never more than his teams", async () => {
  const viewer = callers.get("a viewer in a browser")?.client as ApiClient;
  const scopes = (await viewer.all("/artifacts")).map(({ scope }) => scope).sort();
  expect(scopes).toEqual(["", "pr-1"]);
  const stranger = callers.get("the owner of another team in a browser")?.client as ApiClient;
  expect(await stranger.all("/artifacts")).toEqual([]);
  expect(await stranger.all("/runs")).toEqual([]);
  expect((await stranger.get("/overview")).storage).toMatchObject({
    storedBytes: null,
    freeBytes: null,
    before: null,
    artifacts: 0,
  });
});

test("users see and end their own tokens, and nobody else's", async () => {
  const owner = callers.get("an owner in a browser")?.client as ApiClient;
  const member = callers.get("a member in a browser")?.client as ApiClient;
  expect(
    (await owner.get("/tokens")).items.every(({ user }: { user: string }) => user === "owner@example.org"),
  ).toBe(true);
  expect((await member.get("/tokens")).items).toEqual([]);
  expect((await member.send("DELETE", `/tokens/${place.ownToken}`)).status).toBe(404);
  // A token that may less could otherwise make itself one that may more, or lives longer.
  const weak = callers.get("an owner's token with permission write")?.client as ApiClient;
  expect((await weak.send("POST", "/tokens", { team: null, name: "x", permission: "write" })).status).toBe(
    403,
  );
  expect((await weak.send("DELETE", `/tokens/${place.ownToken}`)).status).toBe(403);
  const ofTeam = callers.get("a team's token with permission admin")?.client as ApiClient;
  expect((await ofTeam.send("POST", "/tokens", { team: null, name: "x", permission: "read" })).status).toBe(
    403,
  );
  expect((await owner.send("DELETE", `/tokens/${place.ownToken}`)).status).toBe(200);
  // What a user's token wrote may lie in any team.
  expect((await owner.send("DELETE", `/tokens/${place.ownToken}?purge=true`)).status).toBe(403);
});

test("an owner cannot raise the quota of a team or turn it on again", async () => {
  const owner = callers.get("an owner in a browser")?.client as ApiClient;
  for (const change of [
    { quotaBytes: 1 },
    { quotaRule: "evict" },
    { maxAgeMs: 1 },
    { slug: "other" },
    { state: "enabled", name: "x" },
  ]) {
    const { status, json } = await owner.send("PATCH", "/teams/web", change);
    expect({ status, change }).toEqual({ status: 403, change });
    expect(json.message).toContain("Only an administrator of the server");
  }
  expect((await owner.get("/teams/web")).name).toBe("web");
  expect((await owner.send("DELETE", "/teams/web")).status).toBe(403);
  expect((await owner.send("POST", "/teams", { slug: "mine" })).status).toBe(403);
});
