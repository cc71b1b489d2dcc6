import { describe, expect, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type NewPolicy, Policies, type Policy } from "../../src/identity/policies.ts";
import { judge, judgeAll, strongest } from "../../src/identity/policy-match.ts";
import { openTestIdentity } from "./test-identity.ts";
import { githubPullRequest, githubPush } from "./test-issuer.ts";
import { claimsOf, github, goodPolicy, policyOf } from "./test-policy.ts";

describe("policies", () => {
  test("are created, listed and deleted, and each is written down", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    const [one, two] = (await policies.create(
      { ...goodPolicy, teamId: team.id },
      { ...goodPolicy, teamId: team.id, name: "pull requests", scope: "pr-{ref}", tokenMaxAgeMs: 60_000 },
    )) as [Policy, Policy];
    expect(one).toEqual({
      ...goodPolicy,
      id: expect.stringMatching(/^pol_\w{16}$/),
      teamId: team.id,
      teamSlug: "web",
      tokenMaxAgeMs: 3_600_000,
      isInternalAllowed: true,
      createdAt: expect.any(Number),
      createdBy: "server larder",
    });
    expect(await policies.list()).toEqual([one, two]);
    expect(await policies.list({ teamId: "team_x" })).toEqual([]);
    expect(await policies.list({ issuer: "https://gitlab.com" })).toEqual([]);
    expect(await policies.delete(one.id)).toMatchObject({ id: one.id, revokedTokens: 0 });
    expect(await policies.list({ issuer: github, teamId: team.id })).toEqual([two]);
    expect(await policies.delete(one.id).catch((error) => error)).toMatchObject({ code: "not_found" });
    expect(t.auditKinds()).toEqual(["team.create", "policy.create", "policy.create", "policy.delete"]);
  });

  test("take with them the tokens that jobs still have", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    const [policy] = (await policies.create({ ...goodPolicy, teamId: team.id })) as [Policy];
    const token = (policyId: string) =>
      t.tokens.create({
        teamId: team.id,
        name: "job",
        permission: "write",
        expiresAt: Date.now() + 60_000,
        exchange: { policyId, claims: {} },
      });
    const [theirs, other] = [await token(policy.id), await token("pol_other")];
    expect(await t.authenticator.authenticate(theirs.secret)).toBeDefined();
    expect(await policies.delete(policy.id)).toMatchObject({ revokedTokens: 1 });
    expect(await t.authenticator.authenticate(theirs.secret)).toBeUndefined();
    expect(await t.authenticator.authenticate(other.secret)).toBeDefined();
  });

  test("are created all or none", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    const both = [
      { ...goodPolicy, teamId: team.id },
      { ...goodPolicy, teamId: "team_x" },
    ];
    expect(await policies.create(...both).catch((error) => error)).toMatchObject({ code: "not_found" });
    expect(await policies.list()).toEqual([]);
  });

  test("that take the same jobs into the same scope as another of the team are refused", async () => {
    await using t = openTestIdentity();
    const [web, api] = [await t.teams.create({ slug: "web" }), await t.teams.create({ slug: "api" })];
    const policies = new Policies(t.database, serverActor);
    const claims = { repository: "acme/web", ref: "refs/heads/main" };
    const policy = { ...goodPolicy, teamId: web.id, claims };
    const [first] = (await policies.create(policy)) as [Policy];
    const turned = { ref: claims.ref, repository: claims.repository };
    for (const again of [policy, { ...policy, name: "again", claims: turned, permission: "read" as const }]) {
      const refused = await policies.create(again).catch((error) => error);
      expect(refused).toMatchObject({ code: "conflict", message: expect.stringContaining(first.id) });
    }
    expect(await policies.list()).toEqual([first]);
    for (const other of [
      { teamId: api.id },
      { audience: "other" },
      { scope: "pr-{ref}" },
      { issuer: "https://gitlab.com", claims: { project_path: "acme/web" } },
      { claims: { ...claims, ref: "refs/heads/next" } },
    ])
      expect(await policies.create({ ...policy, ...other })).toHaveLength(1);
    await policies.delete(first.id);
    expect(await policies.create(policy)).toHaveLength(1);
  });

  test.each([
    ["an issuer without TLS", { issuer: "http://ci.example.com" }],
    ["an issuer that is no URL", { issuer: "gitlab.com" }],
    ["an issuer that is a file", { issuer: "file:///etc/passwd" }],
    ["an issuer with a query", { issuer: "https://ci.example.com/?a=b" }],
    ["an issuer with a user", { issuer: "https://a@ci.example.com" }],
    ["an empty audience", { audience: "" }],
    ["an audience with a blank", { audience: "a b" }],
    ["no claims", { claims: {} }],
    ["a claim of the token's own", { claims: { repository: "a", aud: "b" } }],
    ["a claim without a name", { claims: { repository: "a", "": "b" } }],
    ["a pattern that cannot be", { claims: { repository: "a|" } }],
    ["a name in braces in two claims", { claims: { repository: "a{x}", ref: "b{x}" } }],
    ["every repository of the world", { claims: { repository: "*/web", event_name: "push" } }],
    ["every repository of the world as its subject", { claims: { sub: "repo:**" } }],
    ["every repository of the world by leaving it out", { claims: { event_name: "push" } }],
    ["permission admin", { permission: "admin" }],
    ["a scope that cannot be", { scope: "{ref}" }],
    ["a pattern that is made to be slow", { claims: { repository: "acme/web", ref: "*a".repeat(21) } }],
    ["tokens for more than a day", { tokenMaxAgeMs: 86_400_001 }],
    ["tokens for no time", { tokenMaxAgeMs: 0 }],
    ["tokens for a time that is none", { tokenMaxAgeMs: Number.NaN }],
    ["a name with a line break", { name: "a\nb" }],
  ])("are refused with %s", async (_, change) => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    const policy = { ...goodPolicy, teamId: team.id, ...change } as NewPolicy;
    expect(await policies.create(policy).catch((error) => error)).toMatchObject({ code: "bad_request" });
    expect(await policies.list()).toEqual([]);
  });

  test("are refused with an audience in which a CI service would fill something in", async () => {
    await using t = openTestIdentity();
    const { id: teamId } = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    const withAudience = (audience: string) => policies.create({ ...goodPolicy, teamId, audience });
    for (const audience of [`\${{toJSON(secrets)}}`, "$AGENT_TOKEN", "{{secret}}", "<<secret>>"])
      expect(await withAudience(audience).catch((error) => error)).toMatchObject({
        code: "bad_request",
        message: expect.stringContaining("without $, {{ and <<"),
      });
    expect(await policies.list()).toEqual([]);
    for (const audience of ["https://cache.example.com/a", "api://larder", "{a}<b>"])
      expect(await withAudience(audience)).toMatchObject([{ audience }]);
  });

  test("of those who do not look after the server may name issuers with TLS alone", async () => {
    await using t = openTestIdentity();
    const { id: teamId } = await t.teams.create({ slug: "web" });
    const owner = new Policies(t.database, { kind: "user", id: "usr_1", name: "ann", address: null });
    const policy = { ...goodPolicy, teamId, claims: { any: "*" } };
    const inside = { ...policy, issuer: "http://127.0.0.1:1234" };
    expect(await owner.create(inside).catch((error) => error)).toMatchObject({ code: "bad_request" });
    const [own] = await owner.create({ ...policy, issuer: "https://ci.example.com" });
    expect(own?.isInternalAllowed).toBe(false);
    const [vouched] = await owner.create({ ...inside, isInternalAllowed: true });
    expect(vouched?.isInternalAllowed).toBe(true);
    expect((await owner.list()).map(({ isInternalAllowed }) => isInternalAllowed)).toEqual([false, true]);
  });

  test.each([
    "https://127.0.0.1",
    "https://127.1:8443/ci",
    "https://2130706433",
    "https://0x7f.0.0.1",
    "https://10.1.2.3",
    "https://192.168.0.1",
    "https://169.254.169.254",
    "https://[::1]",
    "https://[fd00::1]",
    "https://[::ffff:10.0.0.1]",
    "https://localhost",
    "https://localhost.:8443",
    "https://ci.localhost",
  ])("of those who do not look after the server may not name %s, which is never asked", async (issuer) => {
    await using t = openTestIdentity();
    const { id: teamId } = await t.teams.create({ slug: "web" });
    const owner = new Policies(t.database, { kind: "user", id: "usr_1", name: "ann", address: null });
    const policy = { ...goodPolicy, teamId, issuer, claims: { any: "*" } };
    const refused = await owner.create(policy).catch((error) => error);
    expect(refused).toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("administrator of the server"),
    });
    expect(await owner.list()).toEqual([]);
    expect(await owner.create({ ...policy, isInternalAllowed: true })).toHaveLength(1);
    expect(await owner.create({ ...policy, issuer: "https://1.1.1.1" })).toHaveLength(1);
  });

  test("may name any issuer of one's own, and one on this machine without TLS", async () => {
    await using t = openTestIdentity();
    const { id: teamId } = await t.teams.create({ slug: "web" });
    const policies = new Policies(t.database, serverActor);
    for (const issuer of [
      "https://git.example.com:8443/a/",
      "http://127.0.0.1:1234",
      "http://localhost:1",
      "http://[::1]:1",
    ])
      await policies.create({ ...goodPolicy, teamId, issuer, claims: { any: "*" } });
    expect(await policies.list()).toHaveLength(4);
  });
});

describe("a policy", () => {
  test("takes a job only if everything fits, and says what does not", () => {
    expect(judge(policyOf({}), claimsOf(githubPush))).toMatchObject({ matches: true, scope: "" });
    expect(judge(policyOf({}), { ...claimsOf(githubPush), aud: ["a", "larder"] })).toMatchObject({
      matches: true,
    });
    const { ref: _, ...withoutRef } = githubPush;
    expect(
      judge(policyOf({}), { ...withoutRef, iss: "https://x.example", aud: ["a"], repository: "acme/Web" }),
    ).toEqual({
      policy: policyOf({}),
      matches: false,
      reasons: [
        `issuer is "https://x.example" and has to be "${github}"`,
        'audience is ["a"] and has to be "larder"',
        'claim repository is "acme/Web" and has to be "acme/web"',
        'claim ref is missing and has to be "refs/heads/main"',
      ],
    });
  });

  test("whose scope lacks a value takes no job, least of all as a trusted one", () => {
    const policy = policyOf({ scope: "pr-{number}" });
    expect(judge(policy, claimsOf(githubPush))).toMatchObject({
      matches: false,
      reasons: ['scope "pr-{number}" lacks a value for number'],
    });
    for (const number of ["", null, ["1"], {}])
      expect(judge(policy, claimsOf({ ...githubPush, number }))).toMatchObject({ matches: false });
    expect(judge(policy, claimsOf({ ...githubPush, number: 7 }))).toMatchObject({
      matches: true,
      scope: "pr-7",
    });
  });

  test("takes no job under a scope that would pass for trusted", () => {
    const job = { ...githubPush, ref: "refs/heads/rusted" };
    const claims = { repository: "acme/web", ref: "refs/heads/{b}" };
    expect(judge(policyOf({ claims, scope: "t{b}" }), claimsOf(job))).toMatchObject({
      matches: false,
      reasons: ['scope "t{b}" would be called "trusted", as the work without a scope is'],
    });
  });

  test("takes what it captures for a value before a claim of that name, also where it captured nothing", () => {
    const claims = { repository: "acme/web", ref: "refs/pull/{number}/merge|refs/heads/*" };
    const policy = policyOf({ claims, scope: "pr-{number}" });
    const jobs = [githubPullRequest, githubPush].map((job) => claimsOf({ ...job, number: "99" }));
    expect(jobs.map((job) => judge(policy, job))).toMatchObject([
      { matches: true, scope: "pr-12" },
      { matches: false },
    ]);
  });

  test("does not take what every object has for a claim", () => {
    const policy = policyOf({ claims: { repository: "acme/web", constructor: "**" } });
    expect(judge(policy, claimsOf(githubPush))).toMatchObject({ matches: false });
  });
});

test("while many policies are asked, others have their turn, and those for other issuers are asked nothing", async () => {
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const policies = Array.from({ length: 50 }, () => policyOf({}));
  const other = policyOf({ issuer: "https://x.example", claims: { repository: "nothing" } });
  const judged = await judgeAll([...policies, other], claimsOf(githubPush));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(49);
  expect(judged.filter(({ matches }) => matches)).toHaveLength(50);
  expect(judged.at(-1)).toEqual({
    policy: other,
    matches: false,
    reasons: [`issuer is "${github}" and has to be "https://x.example"`],
  });
});

test("the strongest of several is trusted before scoped, then writes before it reads, then is the oldest", () => {
  const judged = (id: string, scope: string, permission: "read" | "write", createdAt: number) =>
    ({ policy: policyOf({ id, permission, createdAt }), matches: true, scope }) as const;
  const inOrder = [
    judged("pol_e", "", "write", 1),
    judged("pol_d", "", "write", 2),
    judged("pol_c", "", "read", 1),
    judged("pol_b", "pr-1", "write", 0),
    judged("pol_a", "pr-1", "read", 0),
  ];
  for (let from = 0; from < inOrder.length; from++) {
    const rest = inOrder.slice(from);
    expect(strongest(rest)?.policy.id).toBe(rest[0]?.policy.id as string);
    expect(strongest(rest.toReversed())?.policy.id).toBe(rest[0]?.policy.id as string);
  }
  expect(strongest([{ policy: policyOf({}), matches: false, reasons: ["x"] }])).toBeUndefined();
});
