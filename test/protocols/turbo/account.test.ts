import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Team } from "../../../src/identity/teams.ts";
import type { User } from "../../../src/identity/users.ts";
import { identityBeside } from "../../identity/beside.ts";
import { type RunningLarder, startLarder } from "../../larder.ts";
import { rowsOf } from "../../server/holdings.ts";
import { createTeam, createToken, expectRefusal } from "./client.ts";

const environmentSecret = "the-environments-own";
let larder: RunningLarder;
let identity: ReturnType<typeof identityBeside>;
let ann: User;
let web: Team;
let docs: Team;
let annsToken: string;

beforeAll(async () => {
  // fetch makes one slash of two at the beginning of a path, but not behind a prefix.
  larder = await startLarder({ args: ["--base-path", "/cache"], env: { TURBO_TOKEN: environmentSecret } });
  identity = identityBeside(larder.dataFolder);
  web = await identity.teams.create({ slug: "web", name: "The web" });
  docs = await identity.teams.create({ slug: "docs" });
  ann = await identity.users.create({ email: "Ann.O-Neil@example.org", name: "Ann" });
  await identity.members.set(web.id, ann.id, "owner");
  await identity.members.set(docs.id, ann.id, "viewer");
  annsToken = await identity.logins.createToken(ann, "laptop", null);
});
afterAll(async () => {
  await identity[Symbol.asyncDispose]();
  await larder[Symbol.asyncDispose]();
});

function send(
  path: string,
  token: string | undefined,
  { method = "GET", url = larder.url }: { method?: string; url?: string } = {},
): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(url + path, { method, headers, redirect: "manual" });
}

async function json(path: string, token: string): Promise<unknown> {
  const response = await send(path, token);
  expect(response.status).toBe(200);
  return await response.json();
}

const inactive = {
  status: 403,
  body: {
    code: "forbidden",
    message: "token is not active",
    invalidToken: true,
    error: { code: "forbidden", message: "token is not active", invalidToken: true },
  },
};

async function currentToken(token: string): Promise<{ status: number; body: unknown }> {
  const response = await send("/v5/user/tokens/current", token);
  return { status: response.status, body: await response.json() };
}

describe("/v2/user", () => {
  test("tells whose the token is", async () => {
    expect(await json("/v2/user", annsToken)).toEqual({
      user: { id: ann.id, username: "ann-o-neil", email: "ann.o-neil@example.org", name: "Ann" },
    });
  });

  test("lets a token of a team's own stand for itself, with an address that cannot exist", async () => {
    const { id, token } = await createToken(larder, "web", "write");
    expect(await json("/v2/user", token)).toEqual({
      user: { id, username: "web-write", email: "web-write@token.larder.invalid", name: "web write" },
    });
  });

  test("does so for the environment's token and for names without a letter", async () => {
    expect(await json("/v2/user", environmentSecret)).toMatchObject({
      user: { username: "turbo-token", email: "turbo-token@token.larder.invalid", name: "TURBO_TOKEN" },
    });
    const { secret } = await identity.tokens.create({ teamId: web.id, name: "★", permission: "read" });
    expect(await json("/v2/user", secret)).toMatchObject({
      user: { username: "token", email: "token@token.larder.invalid", name: "★" },
    });
  });
});

describe("/v2/teams", () => {
  test("lists the teams of a user, with every field that turbo needs", async () => {
    const team = ({ id, slug, name, createdAt }: Team, role: string) => {
      return { id, slug, name, createdAt, created: new Date(createdAt).toISOString(), membership: { role } };
    };
    expect(await json("/v2/teams?limit=100", annsToken)).toEqual({
      // Its owner's, and yet a token of a sign-in looks after no team.
      teams: [team(docs, "VIEWER"), team(web, "MEMBER")],
      pagination: { count: 2, next: null, prev: null },
    });
  });

  test("lists the one team of a team's own token, with what it may do there", async () => {
    for (const [permission, role] of [
      ["read", "VIEWER"],
      ["write", "MEMBER"],
      ["admin", "OWNER"],
    ] as const) {
      const { token } = await createToken(larder, "docs", permission);
      expect(await json("/v2/teams", token)).toMatchObject({
        teams: [{ id: docs.id, slug: "docs", membership: { role } }],
      });
    }
  });

  test("is empty for a user without a team, and full for an administrator", async () => {
    const bob = await identity.users.create({ email: "bob@example.org" });
    const bobsToken = await identity.logins.createToken(bob, "laptop", null);
    expect(await json("/v2/teams", bobsToken)).toMatchObject({ teams: [] });
    expect(await json("/v2/user", bobsToken)).toMatchObject({ user: { email: "bob@example.org" } });
    await identity.users.set(bob.id, { role: "admin" });
    const all = (await json("/v2/teams", bobsToken)) as { teams: { slug: string; membership: unknown }[] };
    expect(all.teams.map(({ slug }) => slug)).toEqual(["default", "docs", "web"]);
    expect(all.teams.map(({ membership }) => membership)).toEqual(Array(3).fill({ role: "MEMBER" }));
  });

  test("gives one team by slug or id, as a bare object", async () => {
    for (const name of [web.slug, web.id])
      expect(await json(`/v2/teams/${name}`, annsToken)).toMatchObject({
        id: web.id,
        slug: "web",
        name: "The web",
      });
  });

  test("takes a name that cannot be decoded for none of the teams, also where the token has one only", async () => {
    const { token: teamsToken } = await createToken(larder, "web");
    for (const token of [annsToken, teamsToken])
      await expectRefusal(await send("/v2/teams/%zz", token), 403, "forbidden");
  });

  test("refuses another's team in the same words as one that does not exist", async () => {
    const refusals = await Promise.all(
      ["default", "no-such-team"].map(async (name) =>
        expectRefusal(await send(`/v2/teams/${name}`, annsToken), 403, "forbidden"),
      ),
    );
    expect(refusals[0]).toBe(refusals[1] as string);
  });
});

describe("/v5/user/tokens/current", () => {
  test("describes a valid token with all that any turbo 2 needs", async () => {
    const [token] = await identity.tokens.list({ userId: ann.id });
    const { createdAt, expiresAt } = token as { createdAt: number; expiresAt: number };
    expect(await json("/v5/user/tokens/current", annsToken)).toEqual({
      token: {
        id: token?.id,
        name: "laptop",
        type: "oauth2-token",
        origin: "self-hosted",
        createdAt,
        activeAt: createdAt,
        expiresAt,
        scopes: [{ type: "user", origin: "self-hosted", createdAt, expiresAt }],
      },
    });
    expect(createdAt).toBeLessThanOrEqual(Date.now());
    expect(expiresAt - createdAt).toBeWithin(3_600_000 - 60_000, 3_600_001);
  });

  test("leaves the end out for a token without one, and names the team of a team's own", async () => {
    const { id, token } = await createToken(larder, "web", "write");
    const body = (await json("/v5/user/tokens/current", token)) as { token: Record<string, unknown> };
    expect(body.token.id).toBe(id);
    expect(body.token).not.toHaveProperty("expiresAt");
    expect(body.token.scopes).toEqual([
      { type: "team", origin: "self-hosted", createdAt: expect.any(Number), teamId: web.id },
    ]);
    expect(await json("/v5/user/tokens/current", environmentSecret)).toMatchObject({
      token: { activeAt: expect.any(Number), scopes: [{ type: "team" }] },
    });
  });

  test("says of any token that is not valid just what makes turbo begin a new sign-in", async () => {
    const { token: revoked } = await createToken(larder, "web", "read");
    await identity.tokens.revoke(revoked);
    const expired = await identity.tokens.create({
      teamId: web.id,
      name: "short",
      permission: "read",
      expiresAt: Date.now() + 60_000,
    });
    await identity.expireToken(expired.id);
    const eve = await identity.users.create({ email: "eve@example.org" });
    const ofDisabled = await identity.logins.createToken(eve, "laptop", null);
    await identity.users.set(eve.id, { isDisabled: true });
    for (const token of [revoked, expired.secret, ofDisabled, "unknown", `${annsToken}x`])
      expect(await currentToken(token)).toEqual(inactive);
  });
});

describe("/v3/user/tokens/current", () => {
  const logout = (token: string) => send("/v3/user/tokens/current", token, { method: "DELETE" });

  test("revokes a user's token at once, and writes down who did it", async () => {
    const token = await identity.logins.createToken(ann, "old laptop", null);
    expect((await send("/v2/user", token)).status).toBe(200);
    const response = await logout(token);
    expect(response.status).toBe(200);
    const { tokenId } = (await response.json()) as { tokenId: string };
    await expectRefusal(await send("/v2/user", token), 401, "unauthorized");
    expect(await currentToken(token)).toEqual(inactive);
    expect(
      rowsOf(
        larder.dataFolder,
        `SELECT actor_kind AS actor, actor_name AS name, address FROM audit WHERE kind = 'token.revoke' AND target = '${tokenId}'`,
      ),
    ).toEqual([{ actor: "token", name: "old laptop", address: "127.0.0.1" }]);
    expect((await logout(token)).status).toBe(200);
  });

  test("revokes the token that a CI job has got for itself", async () => {
    const { id, secret } = await identity.tokens.create({
      teamId: web.id,
      name: "github acme/web run 1",
      permission: "write",
      expiresAt: Date.now() + 60_000,
      exchange: { policyId: "pol_1", claims: {} },
    });
    expect((await send("/v2/user", secret)).status).toBe(200);
    const response = await logout(secret);
    expect([response.status, await response.json()]).toEqual([200, { tokenId: id }]);
    await expectRefusal(await send("/v2/user", secret), 401, "unauthorized");
  });

  test("answers 200 and lets others work on with a token that they share", async () => {
    const { token } = await createToken(larder, "web", "write");
    for (const shared of [token, environmentSecret]) {
      expect((await logout(shared)).status).toBe(200);
      expect((await send("/v2/user", shared)).status).toBe(200);
    }
  });

  test("answers 200 to a token that nobody knows, and 401 to none", async () => {
    expect((await logout("lrd_unknown")).status).toBe(200);
    await expectRefusal(
      await send("/v3/user/tokens/current", undefined, { method: "DELETE" }),
      401,
      "unauthorized",
    );
  });
});

describe("/registration/verify", () => {
  const verify = (link: string, name = "Turbo CLI on laptop") =>
    send(`/registration/verify?${new URLSearchParams({ token: link, tokenName: name })}`, undefined);

  test("gives a token of the user's for a link, once", async () => {
    const link = await identity.logins.createLink(ann, web.id);
    const answers = await Promise.all(Array.from({ length: 8 }, () => verify(link)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)]);
    const answer = answers.find(({ status }) => status === 200) as Response;
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { token, teamId } = (await answer.json()) as { token: string; teamId: string };
    expect(teamId).toBe(web.id);
    expect(await json("/v2/user", token)).toMatchObject({ user: { id: ann.id } });
    const made = (await identity.tokens.list({ userId: ann.id })).find(({ name }) =>
      name.includes("Turbo CLI"),
    );
    expect(made).toMatchObject({ name: "Turbo CLI on laptop", permission: "write", scope: "" });
    // The setting's default.
    expect((made?.expiresAt ?? 0) - Date.now()).toBeWithin(90 * 86_400_000 - 60_000, 90 * 86_400_000 + 1);
    expect(
      rowsOf(
        larder.dataFolder,
        `SELECT actor_kind AS actor, actor_name AS name FROM audit WHERE target = '${made?.id}'`,
      ),
    ).toEqual([{ actor: "user", name: ann.email }]);
  });

  test("takes whatever a machine is called for the token's name", async () => {
    for (const name of ["x".repeat(500), "a\u001b[31mb\nc", "", "  ", "😀".repeat(99)])
      expect((await verify(await identity.logins.createLink(ann, web.id), name)).status).toBe(200);
    const names = (await identity.tokens.list({ userId: ann.id })).map(({ name }) => name);
    expect(names).toContain("x".repeat(100));
    expect(names).toContain("a?[31mb?c");
    expect(names).toContain("turbo login");
    expect(names).toContain("login");
  });

  test("refuses unknown links, those of other purposes and those of disabled users", async () => {
    const dan = await identity.users.create({ email: "dan@example.org" });
    const ofDisabled = await identity.logins.createLink(dan, web.id);
    await identity.users.set(dan.id, { isDisabled: true });
    const password = await identity.links.create("password", { userId: ann.id, maxAgeMs: 60_000 });
    for (const link of ["", "lrl_unknown", password, ofDisabled, annsToken])
      await expectRefusal(await verify(link), 400, "bad_request");
    await expectRefusal(await send("/registration/verify", undefined), 400, "bad_request");
    expect(await identity.links.find(password, "password")).toBeDefined();
  });
});

describe.each(["", "/"])("with %p before the path, as with a slash at the end of TURBO_API", (prefix) => {
  test.each([
    ["/v2/user", "GET", ["HEAD", "POST", "PUT", "DELETE"]],
    ["/v2/teams", "GET", ["HEAD", "POST"]],
    ["/v2/teams/web", "GET", ["HEAD", "PATCH"]],
    ["/v5/user/tokens/current", "GET", ["HEAD", "DELETE"]],
    ["/v3/user/tokens/current", "DELETE", ["GET", "HEAD", "POST"]],
    ["/registration/verify", "GET", ["HEAD", "POST"]],
  ] as const)("%s answers %s, a preflight, and 405 to the rest", async (path, allowed, others) => {
    const { token } = await createToken(larder, "web", "read");
    const answer = await send(prefix + path, token, { method: allowed });
    expect(answer.status).toBe(path.startsWith("/registration") ? 400 : 200);
    const preflight = await send(prefix + path, undefined, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Authorization");
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    for (const method of others) {
      const refused = await send(prefix + path, token, { method });
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, `${allowed}, OPTIONS`]);
    }
  });
});

test("whoever sends no token, or one that is unknown, is told what to send", async () => {
  for (const path of ["/v2/user", "/v2/teams", "/v2/teams/web"]) {
    for (const token of [undefined, "lrd_unknown"])
      await expectRefusal(await send(path, token), 401, "unauthorized");
  }
});

test("tokens and links are not in the log, nor in the database", async () => {
  const link = await identity.logins.createLink(ann, web.id);
  const response = await send(`/registration/verify?token=${link}&tokenName=log`, undefined);
  const { token } = (await response.json()) as { token: string };
  await send("/v2/user", token);
  const written = [
    larder.stderr(),
    larder.stdout(),
    JSON.stringify(rowsOf(larder.dataFolder, "SELECT * FROM tokens")),
    JSON.stringify(rowsOf(larder.dataFolder, "SELECT * FROM audit")),
    JSON.stringify(rowsOf(larder.dataFolder, "SELECT * FROM links")),
  ].join("\n");
  expect(written).toContain("/registration/verify");
  for (const secret of [link, token, annsToken]) expect(written).not.toContain(secret);
});

test("each token's requests are counted here, too", async () => {
  await using counting = await startLarder({ args: ["--max-requests-per-minute", "3"] });
  const { token } = await createTeam(counting, "mobile");
  const statuses: number[] = [];
  for (const path of ["/v2/user", "/v2/teams", "/v5/user/tokens/current", "/v2/teams/mobile"])
    statuses.push((await send(path, token, { url: counting.url })).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
});

describe("/v8/artifacts/status without a team, from somebody who is in several", () => {
  const status = () => json("/v8/artifacts/status", annsToken);

  test("is that of a team which is enabled, if there is one", async () => {
    expect(await status()).toEqual({ status: "enabled" });
    await identity.teams.set(docs.id, { state: "paused" });
    expect(await status()).toEqual({ status: "enabled" });
    await identity.teams.set(docs.id, { state: "enabled" });
    await identity.teams.set(web.id, { state: "disabled" });
    expect(await status()).toEqual({ status: "enabled" });
    await identity.teams.set(docs.id, { state: "disabled" });
    expect(await status()).toEqual({ status: "disabled" });
    for (const { id } of [web, docs]) await identity.teams.set(id, { state: "enabled" });
  });

  test("leaves it unclear of which team an artifact is", async () => {
    await expectRefusal(await send("/v8/artifacts/0a", annsToken), 400, "bad_request");
  });

  test("is refused to whoever is in none", async () => {
    const bob = await identity.users.create({ email: "teamless@example.org", name: "Bob" });
    const token = await identity.logins.createToken(bob, "laptop", null);
    await expectRefusal(await send("/v8/artifacts/status", token), 403, "forbidden");
  });
});
