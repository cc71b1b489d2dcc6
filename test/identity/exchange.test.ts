import { afterAll, afterEach, beforeAll, describe, expect, setSystemTime, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { artifacts, audit, blobs } from "../../src/database/schema.ts";
import { principalFor } from "../../src/identity/access.ts";
import { pullRequestPolicy, trustedPolicy } from "../../src/identity/ci-providers.ts";
import { Exchange } from "../../src/identity/exchange.ts";
import { removeExchangedTokens } from "../../src/identity/exchanged-tokens.ts";
import { Issuers } from "../../src/identity/issuers.ts";
import { type NewPolicy, Policies, type Policy } from "../../src/identity/policies.ts";
import { openTestIdentity } from "./test-identity.ts";
import { githubPullRequest, keysPath, startIssuer, type TestIssuer } from "./test-issuer.ts";

let issuer: TestIssuer;
let stranger: TestIssuer;
beforeAll(async () => {
  [issuer, stranger] = await Promise.all([startIssuer(), startIssuer()]);
});
afterEach(() => {
  setSystemTime();
});
afterAll(() => {
  issuer[Symbol.dispose]();
  stranger[Symbol.dispose]();
});

async function open(maxRequestsPerMinute = 1_000) {
  const identity = openTestIdentity();
  const team = await identity.teams.create({ slug: "web" });
  const policies = new Policies(identity.database, serverActor);
  const exchange = new Exchange({
    database: identity.database,
    issuers: new Issuers(),
    maxRequestsPerMinute,
  });
  const good = { name: "ci", teamId: team.id, audience: "larder", permission: "write", scope: "" } as const;
  return {
    ...identity,
    team,
    policies,
    exchange,
    /** The pair for `acme/web`, and what takes the place of parts of both. */
    createPair: (change: Partial<NewPolicy> = {}) =>
      policies.create(
        ...[trustedPolicy, pullRequestPolicy].map((make) => {
          const { label, ...template } = make("github", {
            repository: "acme/web",
            branch: "main",
            issuer: issuer.url,
          });
          return { ...good, ...template, name: label, ...change };
        }),
      ) as Promise<[Policy, Policy]>,
    ask: async (claims: Record<string, unknown> = {}, asked: string | undefined = undefined) =>
      await exchange.exchange({
        subjectToken: await issuer.sign({ claims }),
        team: asked,
        address: "192.0.2.7",
      }),
    refusals: async () =>
      (await identity.database.read.select().from(audit).orderBy(audit.id)).filter(
        ({ kind }) => kind === "token.refuse",
      ),
  };
}

const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (!error?.code) throw error ?? new Error("This was not refused.");
  return error as { code: string; message: string };
};

describe("a job on the trusted branch", () => {
  test("gets a token that may write what everybody reads, and says which job it was", async () => {
    await using t = await open();
    const [trusted] = await t.createPair();
    const { token, policy } = await t.ask({ head_ref: "x", secret_thing: "hidden" });
    expect(policy.id).toBe(trusted.id);
    expect(token).toMatchObject({
      name: "github acme/web run 123",
      teamSlug: "web",
      permission: "write",
      scope: "",
      policyId: trusted.id,
      createdBy: "job github acme/web run 123",
      claims: { iss: issuer.url, repository: "acme/web", run_id: "123", event_name: "push", actor: "ann" },
    });
    expect(JSON.stringify(token.claims)).not.toContain("hidden");
    const credential = await t.authenticator.authenticate(token.secret);
    if (!credential) throw new Error("a token that counts");
    expect(principalFor(credential, {})).toMatchObject({
      permission: "write",
      scope: "",
      team: { slug: "web" },
    });
    expect(() => principalFor(credential, { slug: "default" })).toThrow(
      expect.objectContaining({ code: "wrong_team" }),
    );
    const [row] = (await t.database.read.select().from(audit)).filter(({ kind }) => kind === "token.create");
    expect(row).toMatchObject({
      actorKind: "job",
      actorId: null,
      actorName: "github acme/web run 123",
      address: "192.0.2.7",
      teamId: t.team.id,
    });
    expect(JSON.stringify(row)).not.toContain(token.secret);
  });

  test("has it for the time that the policy says", async () => {
    await using t = await open();
    await t.createPair({ tokenMaxAgeMs: 90_000 });
    const { token } = await t.ask();
    const expiresAt = token.expiresAt as number;
    expect(expiresAt - token.createdAt).toBeWithin(89_000, 90_001);
    setSystemTime(expiresAt - 1);
    expect(await t.authenticator.authenticate(token.secret)).toBeDefined();
    setSystemTime(expiresAt);
    expect(await t.authenticator.authenticate(token.secret)).toBeUndefined();
  });

  test("keeps no more of its claims than a bounded part", async () => {
    await using t = await open();
    await t.createPair();
    const { token } = await t.ask({ actor: "a".repeat(5_000), run_id: `1\n${"2".repeat(5_000)}` });
    expect(JSON.stringify(token.claims).length).toBeLessThan(3_000);
    expect(token.name).toHaveLength(100);
    expect(token.name).toStartWith("github acme/web run 12222");
  });
});

test("a job of a pull request gets a token for the pull request's own scope", async () => {
  await using t = await open();
  await t.createPair();
  expect((await t.ask(githubPullRequest)).token).toMatchObject({
    permission: "write",
    scope: "pr-acme.2Fweb-12",
  });
});

describe("of several policies", () => {
  test("the strongest counts, or that of the team that the job names", async () => {
    await using t = await open();
    const api = await t.teams.create({ slug: "api" });
    const [trusted] = await t.createPair();
    const reading = { ...trusted, teamId: api.id, permission: "read" as const };
    await t.policies.create({ ...reading, name: "api reads" });
    expect((await t.ask()).token).toMatchObject({ teamSlug: "web", permission: "write" });
    expect((await t.ask({}, "api")).token).toMatchObject({ teamSlug: "api", permission: "read" });
    expect((await t.ask({}, api.id)).token).toMatchObject({ teamSlug: "api" });
  });
});

describe("a job is refused", () => {
  test("when no policy trusts its issuer, which is then not even asked", async () => {
    await using t = await open();
    await t.createPair();
    const subjectToken = await stranger.sign();
    const { code, message } = await refusal(t.exchange.exchange({ subjectToken, address: null }));
    expect(code).toBe("forbidden");
    expect(message).toContain(`No policy trusts the issuer ${stranger.url}.`);
    expect(stranger.asked.size).toBe(0);
  });

  test("when it says to be of a trusted issuer, and another has signed", async () => {
    await using t = await open();
    await t.createPair();
    const subjectToken = await stranger.sign({ claims: { iss: issuer.url } });
    expect(await refusal(t.exchange.exchange({ subjectToken, address: null }))).toMatchObject({
      code: "forbidden",
    });
    expect(await t.tokens.list()).toEqual([]);
  });

  test.each([
    ["for another audience", { aud: "https://other.example.com" }],
    ["without an audience", { aud: undefined }],
    ["of another repository", { repository: "acme/api" }],
    ["whose claims are objects", { repository: { a: 1 } }],
  ])("%s, without a word of what would do", async (_, claims) => {
    await using t = await open();
    await t.createPair();
    const { code, message } = await refusal(t.ask(claims));
    expect(code).toBe("forbidden");
    expect(message).toStartWith("No policy takes this job (");
    expect(message).not.toContain("refs/heads/main");
    expect(await t.tokens.list()).toEqual([]);
  });

  test("when it names a team that its policies are not for, whether there is such a team or not", async () => {
    await using t = await open();
    await t.createPair();
    await t.teams.create({ slug: "api" });
    const [there, gone] = await Promise.all([refusal(t.ask({}, "api")), refusal(t.ask({}, "gone"))]);
    expect(there.code).toBe("wrong_team");
    expect(there.message).toBe(gone.message);
  });

  test("from the moment on at which its policy is deleted", async () => {
    await using t = await open();
    const [trusted] = await t.createPair();
    const { token } = await t.ask();
    await t.policies.delete(trusted.id);
    expect(await t.authenticator.authenticate(token.secret)).toBeUndefined();
    expect((await refusal(t.ask())).code).toBe("forbidden");
  });

  test("also when its policy is deleted while its token is looked at", async () => {
    await using t = await open();
    const [trusted] = await t.createPair();
    issuer.instead.set(keysPath, async () => {
      issuer.instead.delete(keysPath);
      await t.policies.delete(trusted.id);
      return Response.json({ keys: issuer.published });
    });
    expect(await refusal(t.ask())).toMatchObject({
      code: "forbidden",
      message: "The policy that took this job has just been deleted.",
    });
    // Not even one that is revoked: a server that ended in between would have left it alive.
    expect(await t.tokens.list()).toEqual([]);
  });

  test("when too many come from its address, and from others not", async () => {
    await using t = await open(3);
    for (let round = 0; round < 3; round++) t.exchange.admit("192.0.2.7");
    expect(() => t.exchange.admit("192.0.2.7")).toThrow(
      expect.objectContaining({ code: "too_many_requests", retryAfterSeconds: 10 }),
    );
    t.exchange.admit("192.0.2.8");
    t.exchange.admit(null);
    // An IPv6 customer may use a new address each time.
    for (let round = 0; round < 3; round++) t.exchange.admit(`2001:db8::${round}`);
    expect(() => t.exchange.admit("2001:db8::9")).toThrow(/^Too many exchanges/);
    t.exchange.admit("2001:db8:0:1::9");
  });
});

test("refusals are written down, but a stranger cannot fill the disk with them", async () => {
  await using t = await open();
  await t.createPair();
  await refusal(t.ask({ aud: "other" }, "a".repeat(10_000)));
  const [row] = await t.refusals();
  expect(row).toMatchObject({
    kind: "token.refuse",
    actorKind: "anonymous",
    address: "192.0.2.7",
    details: {
      issuer: issuer.url,
      code: "forbidden",
      reason: expect.stringContaining("No policy takes this job"),
    },
  });
  const long = await stranger.sign({ claims: { iss: `https://x.example/${"a".repeat(50_000)}` } });
  for (let round = 0; round < 50; round++)
    await refusal(t.exchange.exchange({ subjectToken: long, address: null }));
  const rows = await t.refusals();
  expect(rows).toHaveLength(10);
  expect(JSON.stringify(rows).length).toBeLessThan(15_000);
  setSystemTime(Date.now() + 60_000);
  await refusal(t.exchange.exchange({ subjectToken: long, address: null }));
  expect(await t.refusals()).toHaveLength(11);
});

test("expired tokens of jobs go after a while, but for those that wrote something that is still there", async () => {
  await using t = await open();
  await t.createPair();
  const own = await t.tokens.create({
    teamId: t.team.id,
    name: "own",
    permission: "read",
    expiresAt: Date.now() + 60_000,
  });
  const [idle, writer] = [(await t.ask()).token, (await t.ask()).token];
  await t.database.write(async (tx) => {
    await tx.insert(blobs).values({ id: 1, sha256: "ab", sizeBytes: 1, createdAt: 1 });
    await tx.insert(artifacts).values({
      teamId: t.team.id,
      tool: "turbo",
      scope: "",
      hash: "ab",
      blobId: 1,
      durationMs: 1,
      writtenBy: writer.id,
      createdAt: 1,
    });
  });
  expect(await removeExchangedTokens(t.database, (idle.expiresAt as number) - 1)).toBe(0);
  expect(await removeExchangedTokens(t.database, (writer.expiresAt as number) + 1)).toBe(1);
  expect((await t.tokens.list()).map(({ id }) => id).sort()).toEqual([own.id, writer.id].sort());
  await t.database.write(async (tx) => void (await tx.delete(artifacts)));
  expect(await removeExchangedTokens(t.database, (writer.expiresAt as number) + 1)).toBe(1);
});

test("of what a job of any other service proves, what its policy asked for is kept", async () => {
  await using t = await open();
  await t.policies.create({
    name: "own",
    teamId: t.team.id,
    issuer: issuer.url,
    audience: "larder",
    claims: { project: "acme-*", ref: "main" },
    permission: "write",
    scope: "",
  });
  const { token } = await t.ask({ repository: undefined, project: "acme-web", ref: "main", other: "x" });
  expect(token.claims).toMatchObject({ project: "acme-web", ref: "main" });
  expect(token.claims).not.toHaveProperty("other");
});

test("jobs of one subject get as many tokens a minute as the largest matrix takes, from however many addresses, and others get theirs", async () => {
  await using t = await open();
  await t.createPair();
  const subjectToken = await issuer.sign({ claims: {} });
  const ask = (index: number) =>
    t.exchange.exchange({ subjectToken, team: undefined, address: `2001:db8::${index}` });
  // In no time, since with each fifth of a second one more is let in.
  setSystemTime(Date.now());
  for (let index = 0; index < 300; index++) await ask(index);
  expect(await refusal(ask(300))).toMatchObject({ code: "too_many_requests", retryAfterSeconds: 1 });
  expect((await t.ask({ sub: "repo:acme/web:another" })).token.secret).toStartWith("lrd_");
});

test("the tokens of one subject's jobs count together where requests are counted", async () => {
  await using t = await open();
  await t.createPair();
  const [one, two] = [await t.ask(), await t.ask()];
  const owners = [one, two].map(
    async ({ token }) => (await t.authenticator.authenticate(token.secret))?.owner,
  );
  expect(await owners[0]).toBe((await owners[1]) as string);
});
