import { expect, test } from "bun:test";
import { newSecret } from "../../src/identity/secret.ts";
import { identityBeside } from "../identity/beside.ts";
import { SiteClient } from "../sign-in/site-client.ts";
import type { ApiClient, Json } from "./api-client.ts";
import { openWorld } from "./world.ts";

test("teams are created, changed and deleted, and each change is written down with who made it from where", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const created = await admin.send("POST", "/teams", { slug: "web", name: "Web team", overwrite: "never" });
  expect(created.status).toBe(201);
  expect(created.json).toMatchObject({
    slug: "web",
    name: "Web team",
    overwrite: "never",
    state: "enabled",
    quotaBytes: null,
  });
  const { secret, id } = (
    await admin.send("POST", "/tokens", { team: null, name: "mine", permission: "admin" })
  ).json;
  const bearer = world.bearer(secret);
  const changed = await bearer.ok("PATCH", "/teams/web", {
    slug: "site",
    quotaBytes: 1000,
    quotaRule: "refuse",
    maxAgeMs: 86_400_000,
  });
  expect(changed).toMatchObject({
    slug: "site",
    quotaBytes: 1000,
    quotaRule: "refuse",
    maxAgeMs: 86_400_000,
    artifacts: 0,
  });
  expect((await bearer.ok("PATCH", "/teams/site", { quotaBytes: null })).quotaBytes).toBeNull();
  expect(JSON.parse((await world.larder.cli("team", "show", "site", "--json")).stdout)).toMatchObject({
    id: changed.id,
    maxAgeMs: 86_400_000,
  });
  await bearer.ok("DELETE", `/teams/${changed.id}`);
  expect((await admin.send("GET", "/teams/site")).status).toBe(404);
  const { items } = await admin.get(`/audit?team=${changed.id}`);
  expect(
    items.map(({ kind, actorKind, actorName, actorId, address }: Json) => [
      kind,
      actorKind,
      actorName,
      actorId?.slice(0, 4),
      address,
    ]),
  ).toEqual([
    ["team.delete", "token", "mine", "tok_", "127.0.0.1"],
    ["team.set", "token", "mine", "tok_", "127.0.0.1"],
    ["team.set", "token", "mine", "tok_", "127.0.0.1"],
    ["team.create", "user", "ann@example.org", "usr_", "127.0.0.1"],
  ]);
  expect(items[0].actorId).toBe(id);
});

test("a token that is created is shown once, with what to paste, works, and ends at once", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  const { headers, json } = await admin.send("POST", "/tokens", {
    team: "default",
    name: "ci",
    permission: "write",
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  expect(headers.get("cache-control")).toBe("no-store");
  const [shell] = json.lines;
  expect(shell.text).toBe(
    `export TURBO_API="${larder.url}"\nexport TURBO_TEAM="default"\nexport TURBO_TOKEN="${json.secret}"`,
  );
  const connect = await admin.get("/connect?team=default");
  expect(connect.tools[0].lines[0].text).toBe(shell.text.replace(json.secret, "<your token>"));
  await world.upload(json.secret, "default", "abc1", "bytes");
  const shown = await admin.get(`/tokens/${json.id}`);
  expect(shown).toMatchObject({
    artifacts: 1,
    state: "valid",
    teams: [{ team: "default", permission: "write" }],
  });
  expect(JSON.stringify(await admin.all("/tokens"))).not.toContain(json.secret.slice(4));
  const revoked = await admin.ok("DELETE", `/tokens/${json.id}?purge=true`);
  expect(revoked).toMatchObject({
    state: "revoked",
    purged: { artifacts: 1, freed: { blobs: 1, sizeBytes: 5 } },
  });
  expect((await world.bearer(json.secret).send("GET", "/me")).status).toBe(401);
  expect((await admin.ok("DELETE", `/tokens/${json.id}`)).revokedAt).toBe(revoked.revokedAt);
  for (const [state, number] of [
    ["valid", 0],
    ["revoked", 1],
    ["expired", 0],
    ["disabled", 0],
  ] as const) {
    const { items } = await admin.get(`/tokens?team=default&state=${state}`);
    expect(items.filter(({ name }: Json) => name === "ci")).toHaveLength(number);
  }
});

test("a secret is told whose it is to those who may know, and to all others as one that nobody has", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await larder.cli("team", "create", "web");
  const owner = await world.signIn("owner", { web: "owner" });
  const member = await world.signIn("member", { web: "member", default: "viewer" });
  const ofTeam = await owner.ok("POST", "/tokens", {
    team: "web",
    name: "ci",
    permission: "write",
    scope: "pr-1",
  });
  const ofMember = await member.ok("POST", "/tokens", { team: null, name: "mine", permission: "read" });
  const test = (client: ApiClient, secret: string) => client.ok("POST", "/tokens/test", { secret });

  const shown = await owner.get(`/tokens/${ofTeam.id}`);
  for (const client of [admin, owner])
    expect(await test(client, ` ${ofTeam.secret}\n`)).toEqual({ problem: null, token: shown });
  expect((await test(member, ofMember.secret)).token).toMatchObject({
    user: "member@example.org",
    teams: [
      { team: "default", permission: "read" },
      { team: "web", permission: "read" },
    ],
    lastUsedAt: null,
  });
  const ofNobody = await test(member, newSecret());
  expect(ofNobody).toEqual({ problem: expect.stringContaining("No token that you may see"), token: null });
  expect(await test(member, ofTeam.secret)).toEqual(ofNobody);
  expect(await test(owner, ofMember.secret)).toEqual(ofNobody);
  expect(await test(world.bearer(larder.firstToken), ofTeam.secret)).toEqual(ofNobody);
  // Nor does a token that leaked tell which others are its user's: it knows itself alone.
  const another = await member.ok("POST", "/tokens", { team: null, name: "other", permission: "read" });
  const weak = world.bearer(ofMember.secret);
  expect(await test(weak, another.secret)).toEqual(ofNobody);
  expect(await test(weak, ofMember.secret)).toMatchObject({ problem: null, token: { id: ofMember.id } });
  expect((await weak.send("GET", `/tokens/${another.id}`)).status).toBe(403);
  for (const [permission, createdBy] of [
    ["read", null],
    ["admin", "user owner@example.org"],
  ] as const) {
    const { id, secret } = await owner.ok("POST", "/tokens", { team: "web", name: "ci", permission });
    expect((await test(world.bearer(secret), secret)).token).toMatchObject({ id, createdBy });
  }
  expect(
    (await world.bearer(ofTeam.secret).send("POST", "/tokens/test", { secret: ofTeam.secret })).status,
  ).toBe(403);

  await owner.ok("DELETE", `/tokens/${ofTeam.id}`);
  expect(await test(owner, ofTeam.secret)).toMatchObject({
    problem: expect.stringMatching(/^It was revoked at 2/),
    token: { id: ofTeam.id, state: "revoked" },
  });
  const kinds = (await admin.all("/audit")).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind.startsWith("token.")).sort()).toEqual([
    ...Array.from({ length: 6 }, () => "token.create"),
    "token.revoke",
  ]);
  await larder.stop();
  for (const secret of [ofTeam.secret, ofMember.secret])
    expect(larder.stdout() + larder.stderr()).not.toContain(secret);
});

test("a token that a token makes ends no later than that one, and one made in a browser when it is told to", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const [sooner, later] = [1_800_000, 86_400_000].map((ms) => new Date(Date.now() + ms).toISOString());
  for (const team of ["default", null]) {
    const wish = { team, name: "made", permission: "admin" };
    const { secret } = await admin.ok("POST", "/tokens", { ...wish, expiresAt: soon });
    const end = async (expiresAt: unknown) =>
      (await world.bearer(secret).ok("POST", "/tokens", { ...wish, expiresAt })).expiresAt;
    expect([await end(sooner), await end(later), await end(null)]).toEqual([sooner, soon, soon]);
    const child = await world.bearer(secret).ok("POST", "/tokens", wish);
    expect(child.expiresAt).toBe(soon);
    expect((await world.bearer(child.secret).ok("POST", "/tokens", wish)).expiresAt).toBe(soon);
    expect((await admin.ok("POST", "/tokens", { ...wish, expiresAt: later })).expiresAt).toBe(later);
    const endless = await admin.ok("POST", "/tokens", wish);
    expect((await world.bearer(endless.secret).ok("POST", "/tokens", wish)).expiresAt).toBeNull();
  }
});

test("a user who is created chooses a password by the link, has the roles, and may be disabled and deleted", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await admin.ok("POST", "/teams", { slug: "web" });
  const bob = await world.signIn("bob", { web: "owner" });
  expect(await bob.get("/me")).toMatchObject({
    kind: "user",
    isServerAdmin: false,
    teams: [{ slug: "web", permission: "admin" }],
  });
  const { secret, id } = await bob.ok("POST", "/tokens", { team: null, name: "mine", permission: "write" });
  expect(await world.bearer(secret).get("/me")).toMatchObject({
    kind: "token",
    user: { email: "bob@example.org" },
    teams: [{ permission: "write" }],
  });
  const { link, linkExpiresAt } = await admin.ok("POST", "/users/bob@example.org/reset-link");
  expect(link).toStartWith(`${larder.url}/password#lrl_`);
  expect(Date.parse(linkExpiresAt)).toBeGreaterThan(Date.now());
  const { user } = await admin.get("/me");
  const ofOneself = await admin.send("POST", `/users/${user.id}/reset-link`);
  expect([ofOneself.status, ofOneself.json.message]).toEqual([403, expect.stringContaining("account page")]);
  await admin.ok("PATCH", "/users/bob@example.org", { state: "disabled" });
  expect((await bob.send("GET", "/me")).status).toBe(401);
  expect((await world.bearer(secret).send("GET", "/me")).status).toBe(401);
  expect((await admin.get(`/tokens/${id}`)).state).toBe("disabled");
  expect((await admin.get("/tokens?state=disabled")).items.map((one: Json) => one.id)).toEqual([id]);
  const site = new SiteClient(larder.url);
  expect(
    (await site.post("/sign-in", { email: "bob@example.org", password: "correct horse battery" })).status,
  ).not.toBe(303);
  const changed = await admin.ok("PATCH", "/users/bob@example.org", {
    state: "enabled",
    teams: [{ team: "web", role: null }],
  });
  expect(changed).toMatchObject({ state: "enabled", teams: [] });
  await admin.ok("DELETE", "/users/bob@example.org");
  expect((await admin.send("GET", "/users/bob@example.org")).status).toBe(404);
  expect((await admin.get("/users")).items).toHaveLength(1);
});

test("an owner adds members, who see the team from their next request on, until they are taken out", async () => {
  await using world = await openWorld();
  await world.admin.ok("POST", "/teams", { slug: "web" });
  const owner = await world.signIn("owner", { web: "owner" });
  const other = await world.signIn("other", {});
  expect((await other.send("GET", "/teams/web")).status).toBe(403);
  const added = await owner.ok("PUT", "/teams/web/members/other@example.org", { role: "viewer" });
  expect(added).toMatchObject({
    email: "other@example.org",
    role: "viewer",
    source: "manual",
    state: "enabled",
  });
  expect((await other.get("/teams/web")).slug).toBe("web");
  expect((await other.send("PUT", "/teams/web/members/other@example.org", { role: "owner" })).status).toBe(
    403,
  );
  const { items } = await other.get("/teams/web/members");
  expect(items.map(({ email, role }: Json) => [email, role])).toEqual([
    ["other@example.org", "viewer"],
    ["owner@example.org", "owner"],
  ]);
  await owner.ok("DELETE", "/teams/web/members/other@example.org");
  expect((await other.send("GET", "/teams/web")).status).toBe(403);
});

test("what a member came to by single sign-on, no owner changes, takes away or gives anew by hand", async () => {
  await using world = await openWorld();
  const { id: teamId } = await world.admin.ok("POST", "/teams", { slug: "web" });
  const owner = await world.signIn("owner", { web: "owner" });
  const tokenOfTeam = world.bearer(
    (await world.admin.ok("POST", "/tokens", { team: "web", name: "all", permission: "admin" })).secret,
  );
  await using beside = identityBeside(world.larder.dataFolder);
  const { id } = await beside.users.create({ email: "sso@example.org" });
  await beside.members.set(teamId, id, "member", "oidc");
  const path = "/teams/web/members/sso@example.org";
  for (const caller of [owner, tokenOfTeam]) {
    for (const role of ["member", "owner"]) {
      const { status, json } = await caller.send("PUT", path, { role });
      expect([status, json.message]).toEqual([403, expect.stringContaining("single sign-on")]);
    }
    expect((await caller.send("DELETE", path)).status).toBe(403);
  }
  const { items } = await owner.get("/teams/web/members");
  expect(items).toContainEqual(
    expect.objectContaining({ email: "sso@example.org", role: "member", source: "oidc" }),
  );
  expect(await world.admin.ok("PUT", path, { role: "owner" })).toMatchObject({
    role: "owner",
    source: "manual",
  });
  await owner.ok("DELETE", path);
});

test("policies are made by provider or by hand, tell of a token what they think, and end with their tokens", async () => {
  await using world = await openWorld();
  const { admin } = world;
  const made = await admin.send("POST", "/policies", {
    team: "default",
    provider: "github",
    repository: "acme/web",
  });
  expect(made.status).toBe(201);
  expect(made.json.items.map(({ scope }: Json) => scope)).toEqual(["", expect.stringContaining("pr-")]);
  expect(made.json.lines).toEqual([
    expect.objectContaining({
      language: "yaml",
      text: expect.stringContaining(`url: "${world.larder.url}"`),
    }),
  ]);
  const own = {
    team: "default",
    issuer: "https://ci.example.com",
    claims: { project: "web" },
    scope: "pr-{number}",
    tokenMaxAgeMs: 60_000,
  };
  const [policy] = (await admin.ok("POST", "/policies", own)).items;
  expect(policy).toMatchObject({
    issuer: own.issuer,
    claims: own.claims,
    scope: own.scope,
    tokenMaxAgeMs: 60_000,
    audience: "larder",
  });
  const other = { ...own, claims: { project: "app" }, name: "app" };
  expect((await admin.ok("POST", "/policies", other)).warnings).toEqual([
    expect.stringContaining("can get the same scope"),
  ]);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const forged = `${part({ alg: "RS256" })}.${part({ iss: "https://nobody.example.com", aud: "larder", project: "web" })}.c2ln`;
  const report = await admin.ok("POST", "/policies/test", { token: forged });
  expect(report).toMatchObject({
    issuer: "https://nobody.example.com",
    problem: "No policy trusts its issuer.",
    chosen: null,
  });
  const { reasons } = report.policies.find(({ id }: Json) => id === policy.id);
  expect(reasons).toEqual([expect.stringContaining("issuer is")]);
  expect(await admin.ok("DELETE", `/policies/${policy.id}`)).toMatchObject({
    id: policy.id,
    revokedTokens: 0,
  });
  expect((await admin.send("DELETE", `/policies/${policy.id}`)).status).toBe(404);
  expect((await admin.get("/policies?team=default")).items).toHaveLength(3);
});

test("artifacts are looked at, downloaded without being used, and taken out, by filters as the command's", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await world.upload(larder.firstToken, "default", "abc1", "one");
  await world.upload(larder.firstToken, "default", "abc2", "one");
  await world.upload(larder.firstToken, "default", "abc3", "three");
  const [first] = await admin.all("/artifacts?hash=abc1");
  expect(first).toMatchObject({
    team: "default",
    tool: "turbo",
    scope: "",
    sizeBytes: 3,
    isSigned: false,
    quarantinedAt: null,
    writtenBy: { kind: "token", name: "first start" },
  });
  expect(await admin.get(`/artifacts/${first.id}`)).toMatchObject({
    ...first,
    sharedWith: 1,
  });
  const { headers, text } = await admin.send("GET", `/artifacts/${first.id}/content`);
  expect(text).toBe("one");
  expect(headers.get("content-disposition")).toBe('attachment; filename="turbo-abc1.tar.zst"');
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain("sandbox");
  expect((await admin.send("HEAD", `/artifacts/${first.id}/content`)).headers.get("content-length")).toBe(
    "3",
  );
  const part = await admin.send("GET", "/me");
  expect(part.status).toBe(200);
  expect((await admin.get("/overview?team=default")).totals).toMatchObject({
    remoteHits: 0,
    downloadedBytes: 0,
  });
  await admin.ok("DELETE", `/artifacts/${first.id}`);
  expect((await admin.send("GET", `/artifacts/${first.id}/content`)).status).toBe(404);
  const writtenBy = first.writtenBy.id;
  const would = await admin.ok("POST", "/purge", { team: null, writtenBy, hash: "abc3", dryRun: true });
  expect(would).toEqual({ artifacts: 1, freed: { blobs: 1, sizeBytes: 5 }, dryRun: true });
  expect(
    await admin.ok("POST", "/purge", {
      team: "default",
      writtenBy: "first start",
      hash: "abc3",
      dryRun: false,
    }),
  ).toMatchObject({ artifacts: 1 });
  expect(await admin.ok("POST", "/purge", { team: "default", all: true, dryRun: false })).toMatchObject({
    artifacts: 1,
    dryRun: false,
  });
  expect(await admin.all("/artifacts")).toEqual([]);
  const purges = (await admin.get("/audit?kind=artifact.purge")).items;
  expect(purges.map(({ actorName, details }: Json) => [actorName, details.artifacts])).toEqual([
    ["ann@example.org", 1],
    ["ann@example.org", 1],
    ["ann@example.org", 1],
  ]);
});

test("settings are shown with where they come from, and secrets are not", async () => {
  const secret = "a-very-secret-turbo-token";
  await using world = await openWorld({ env: { TURBO_TOKEN: secret, LARDER_MAX_AGE: "30d" } });
  const { settings, version, bunVersion, dataFolder } = await world.admin.get("/settings");
  const of = (wanted: string) => settings.find(({ name }: Json) => name === wanted);
  expect(of("maxAge")).toMatchObject({ value: "30d", source: "environment", isSecret: false });
  expect(of("turboToken")).toMatchObject({ value: "****", source: "environment", isSecret: true });
  // What was left to the server is told as what it came to.
  expect(of("port")).toMatchObject({
    value: 0,
    resolved: Number(new URL(world.larder.url).port),
    source: "flag",
  });
  expect(of("maxSize")).toMatchObject({ value: "auto", resolved: expect.stringMatching(/^\d+[KMGT]?i?B$/) });
  expect(of("logFormat")).toMatchObject({ value: "auto", resolved: "json" });
  expect(of("maxAge").resolved).toBeNull();
  expect(of("auditMaxAge").source).toBe("default");
  expect(JSON.stringify(settings)).not.toContain(secret);
  expect({ version, bunVersion, dataFolder }).toEqual({
    version: "0.1.0",
    bunVersion: Bun.version,
    dataFolder: world.larder.dataFolder,
  });
});

test("what CI jobs need is told to the owners of a team, and to nobody who need not know whom it trusts", async () => {
  await using world = await openWorld();
  const { admin, larder } = world;
  await larder.cli("team", "create", "web");
  const wish = { team: "web", provider: "gitlab", repository: "acme/web" };
  expect((await admin.get("/connect?team=web")).ci).toEqual([]);
  const { lines } = await admin.ok("POST", "/policies", wish);
  expect(lines).toHaveLength(1);
  const owner = await world.signIn("owner", { web: "owner", default: "owner" });
  for (const client of [admin, owner]) {
    expect((await client.get("/connect?team=web")).ci).toEqual(lines);
    expect((await client.get("/connect?team=default")).ci).toEqual([]);
  }
  const member = await world.signIn("member", { web: "member" });
  expect((await member.get("/connect?team=web")).ci).toEqual([]);
});

test("the API lies below the base path, too, and its links lead there", async () => {
  await using world = await openWorld({ args: ["--base-path", "/cache"] });
  expect(world.larder.url).toEndWith("/cache");
  expect((await world.admin.get("/me")).isServerAdmin).toBe(true);
  expect((await world.admin.get("/connect")).url).toBe(world.larder.url);
  expect(world.description.document.servers).toEqual([{ url: world.larder.url }]);
  expect((await world.admin.ok("POST", "/users", { email: "x@example.org" })).link).toStartWith(
    `${world.larder.url}/password#`,
  );
  expect((await world.admin.send("PUT", "/me")).headers.get("allow")).toBe("GET, HEAD");
});
