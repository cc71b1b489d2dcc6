import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { and, eq } from "drizzle-orm";
import fc from "fast-check";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { Cache } from "../../src/cache/cache.ts";
import { openDataFolder } from "../../src/database/data-folder.ts";
import type { Database } from "../../src/database/database.ts";
import { artifacts } from "../../src/database/schema.ts";
import { Exchange } from "../../src/identity/exchange.ts";
import { Issuers } from "../../src/identity/issuers.ts";
import { Members } from "../../src/identity/members.ts";
import { Policies, type Policy } from "../../src/identity/policies.ts";
import { type Team, Teams } from "../../src/identity/teams.ts";
import { type Permission, Tokens } from "../../src/identity/tokens.ts";
import { type User, Users } from "../../src/identity/users.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { startIssuer, type TestIssuer } from "./test-issuer.ts";
import { type Holder, Model, type Place, type Rules } from "./trust-model.ts";

setDefaultTimeout(180_000);

/*
 * Random people do random things through the server's own routes, while an operator changes teams, users, tokens and policies
 * beside it; a model of some lines says what each of them may see. Whatever differs is a hole.
 */

let larder: RunningLarder;
let issuer: TestIssuer;
let database: Database;
let cache: Cache;
let exchange: Exchange;

beforeAll(async () => {
  larder = await startLarder();
  issuer = await startIssuer();
  database = openDataFolder(larder.dataFolder);
  exchange = new Exchange({ database, issuers: new Issuers(), maxRequestsPerMinute: 1_000_000 });
  cache = await Cache.beside({
    database,
    storage: DiskStorage.beside(larder.dataFolder),
    maxArtifactSizeBytes: 1024,
    maxSizeBytes: undefined,
    minFreeBytes: 0,
    maxAgeMs: undefined,
    scopeMaxAgeMs: undefined,
    log: pino({ level: "silent" }),
  });
});
afterAll(async () => {
  await database.close();
  issuer[Symbol.dispose]();
  await larder[Symbol.asyncDispose]();
});

const hashes = ["a", "b", "c"];
const both = [0, 1] as const;

/** Tokens of each team's own. */
const ofTeam: { permission: Permission; scope: string }[] = [
  { permission: "write", scope: "" },
  { permission: "read", scope: "" },
  { permission: "admin", scope: "" },
  { permission: "write", scope: "pr-1" },
  { permission: "read", scope: "pr-1" },
  { permission: "write", scope: "pr-2" },
];
const ofUsers: { user: number; permission: Permission; scope: string }[] = [
  { user: 0, permission: "write", scope: "" },
  { user: 0, permission: "admin", scope: "" },
  { user: 0, permission: "write", scope: "pr-1" },
  { user: 1, permission: "admin", scope: "" },
  { user: 1, permission: "read", scope: "" },
];
const firstRoles = [
  { user: 0, team: 0, role: "owner" },
  { user: 0, team: 1, role: "member" },
  { user: 1, team: 1, role: "viewer" },
] as const;
/** What CI jobs of each team exchange their tokens for, by what they say of themselves. */
const ofJobs = [
  { ref: "main", scope: "" },
  { ref: "pull/1", scope: "pr-1" },
];
const holderCount = both.length * (ofTeam.length + ofJobs.length) + ofUsers.length + 2;

interface World {
  teams: Team[];
  users: User[];
  holders: Holder[];
  model: Model;
}

let round = 0;

async function newWorld(): Promise<World> {
  round++;
  const teams = await Promise.all(
    both.map((team) => new Teams(database, serverActor).create({ slug: `r${round}-${team}` })),
  );
  const users = await Promise.all(
    both.map((user) => new Users(database, serverActor).create({ email: `u${user}@r${round}.example.org` })),
  );
  const tokens = new Tokens(database, serverActor);
  const holders = await Promise.all([
    ...both.flatMap((team) =>
      ofTeam.map(async (may): Promise<Holder> => {
        const { id, secret } = await tokens.create({ teamId: idOf(teams, team), name: "x", ...may });
        return { team, ...may, secret, tokenId: id, isRevoked: false };
      }),
    ),
    ...ofUsers.map(async ({ user, ...may }): Promise<Holder> => {
      const { id, secret } = await tokens.create({ userId: idOf(users, user), name: "x", ...may });
      return { user, ...may, secret, tokenId: id, isRevoked: false };
    }),
    ...both.flatMap((team) => ofJobs.map((job) => exchanged(team, teams[team] as Team, job))),
  ]);
  for (const secret of [undefined, "anonymous"])
    holders.push({ permission: "read", scope: "", secret, tokenId: "", isRevoked: false });
  const model = new Model();
  const world = { teams, users, holders, model };
  for (const role of firstRoles) await make({ kind: "role", ...role }, world);
  await make({ kind: "rules", team: 1, rules: { ...(model.rules[1] as Rules), overwrite: "never" } }, world);
  return world;
}

async function exchanged(team: number, { id, slug }: Team, job: (typeof ofJobs)[number]): Promise<Holder> {
  const { ref, scope } = job;
  const [policy] = (await new Policies(database, serverActor).create({
    name: ref,
    teamId: id,
    issuer: issuer.url,
    audience: "larder",
    claims: { project: slug, ref: ref === "main" ? "main" : "pull/{number}" },
    permission: "write",
    scope: ref === "main" ? "" : "pr-{number}",
  })) as [Policy];
  const subjectToken = await issuer.sign({ claims: { project: slug, ref } });
  const { token } = await exchange.exchange({ subjectToken, address: null });
  return {
    team,
    permission: "write",
    scope,
    secret: token.secret,
    tokenId: token.id,
    policyId: policy.id,
    isRevoked: false,
  };
}

function idOf(those: readonly { id: string }[], index: number): string {
  return (those[index] as { id: string }).id;
}

const who = fc.nat({ max: holderCount - 1 });
const named = fc.constantFrom(undefined, ...both);
const one = fc.constantFrom(...both);
const hash = fc.constantFrom(...hashes);
const scope = fc.constantFrom("", "pr-1", "pr-2");

const request = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      who,
      named,
      hash,
      body: fc.constantFrom("x", "yy", ""),
      tag: fc.constantFrom(null, "tag", "other tag"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("get" as const, "head" as const), who, named, hash }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("query" as const), who, named }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("download" as const), who, team: one, scope, hash }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), who, named }) },
);
const change = fc.oneof(
  fc.record({
    kind: fc.constant("purge" as const),
    team: one,
    scope: fc.option(scope, { nil: undefined }),
    hash: fc.option(hash, { nil: undefined }),
    writer: fc.option(who, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("revoke" as const), who }),
  fc.record({
    kind: fc.constant("rules" as const),
    team: one,
    rules: fc.record({
      overwrite: fc.constantFrom("allow" as const, "never" as const),
      requireTag: fc.boolean(),
      anonymousRead: fc.boolean(),
    }),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("role" as const),
      user: one,
      team: one,
      role: fc.constantFrom(null, "viewer" as const, "member" as const, "owner" as const, "owner" as const),
    }),
  },
  fc.record({ kind: fc.constant("state" as const), user: one, isDisabled: fc.boolean() }),
);
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
/** What people who ask the server do, and what an operator does beside it. */
const step = fc.oneof(
  { weight: 3, arbitrary: request.map((request) => ({ request })) },
  { weight: 1, arbitrary: change.map((change) => ({ change })) },
);

test("nobody ever reads or replaces what the rules of teams, users and scopes forbid", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 90 }), async (steps) => {
      const world = await newWorld();
      for (const step of steps) {
        if ("change" in step) await make(step.change, world);
        else await send(step.request, world);
      }
    }),
    { numRuns: 25 },
  );
});

async function make(change: Change, { teams, users, holders, model }: World): Promise<void> {
  switch (change.kind) {
    case "rules": {
      await new Teams(database, serverActor).set(idOf(teams, change.team), change.rules);
      model.rules[change.team] = change.rules;
      return;
    }
    case "role": {
      const { user, team, role } = change;
      await new Members(database, serverActor).set(idOf(teams, team), idOf(users, user), role);
      (model.users[user] as Model["users"][number]).roles[team] = role;
      return;
    }
    case "state": {
      const { user, isDisabled } = change;
      await new Users(database, serverActor).set(idOf(users, user), { isDisabled });
      (model.users[user] as Model["users"][number]).isDisabled = isDisabled;
      return;
    }
    case "revoke": {
      const by = holders[change.who] as Holder;
      if (by.tokenId === "" || by.isRevoked) return;
      if (by.policyId === undefined) await new Tokens(database, serverActor).revoke(by.tokenId);
      else await new Policies(database, serverActor).delete(by.policyId);
      by.isRevoked = true;
      return;
    }
    case "purge": {
      const { team, scope, hash, writer } = change;
      const writtenBy = writer === undefined ? undefined : holders[writer]?.tokenId;
      const filter = {
        teamId: idOf(teams, team),
        ...(scope !== undefined && { scope }),
        ...(hash !== undefined && { hash }),
        ...(writtenBy !== undefined && { writtenBy: [writtenBy] }),
      };
      const isMeant = (place: Place, artifact: { writtenBy: string }) =>
        place.team === team &&
        (scope === undefined || place.scope === scope) &&
        (hash === undefined || place.hash === hash) &&
        (writtenBy === undefined || artifact.writtenBy === writtenBy);
      expect(await cache.purge(filter, serverActor)).toBe(model.remove(isMeant));
    }
  }
}

async function send(request: Request, world: World): Promise<void> {
  const { teams, holders, model } = world;
  const by = holders[request.who] as Holder;
  if (request.kind === "download") return await download(by, request, world);

  const query = request.named === undefined ? "" : `?slug=${(teams[request.named] as Team).slug}`;
  const client = new TurboClient(larder.url, "", "/v8", query).authorizedBy(
    by.secret && `Bearer ${by.secret}`,
  );
  const asked = model.ask(by, request.named);
  switch (request.kind) {
    case "put": {
      const { body, tag, hash } = request;
      const answer = await client.put(hash, body, tag === null ? {} : { "x-artifact-tag": tag });
      await answer.text();
      const status = model.put(asked, by.scope, hash, { body, tag, writtenBy: by.tokenId });
      expect([request, by, answer.status]).toEqual([request, by, status]);
      return;
    }
    case "query": {
      const answer = await client.query(hashes);
      const said = (await answer.json()) as Record<string, unknown>;
      expect([request, by, answer.status]).toEqual([request, by, "status" in asked ? asked.status : 200]);
      if ("team" in asked) expect(said).toEqual(queryAnswer(model, asked.team, by.scope));
      return;
    }
    case "delete": {
      const answer = await client.send("DELETE", "");
      const said = (await answer.json()) as { deletedCount?: number };
      const isAllowed = "team" in asked && asked.permission === "admin";
      const refused = "status" in asked ? asked.status : 403;
      expect([request, by, answer.status]).toEqual([request, by, isAllowed ? 200 : refused]);
      if (isAllowed) expect(said.deletedCount).toBe(model.remove(({ team }) => team === asked.team));
      return;
    }
    default: {
      const answer = await client[request.kind](request.hash);
      const body = await answer.text();
      const stored = "team" in asked ? model.find(asked.team, by.scope, request.hash) : undefined;
      const status = "status" in asked ? asked.status : stored ? 200 : 404;
      expect([request, by, answer.status]).toEqual([request, by, status]);
      if (!stored) return;
      if (request.kind === "get") expect(body).toBe(stored.body);
      expect(answer.headers.get("x-artifact-tag")).toBe(stored.tag);
      expect(answer.headers.get("content-length")).toBe(String(stored.body.length));
    }
  }
}

function queryAnswer(model: Model, team: number, scope: string): Record<string, unknown> {
  return Object.fromEntries(
    hashes.map((hash) => {
      const stored = model.find(team, scope, hash);
      if (!stored) return [hash, null];
      const { body, tag } = stored;
      return [hash, { size: body.length, taskDurationMs: 0, ...(tag !== null && { tag }) }];
    }),
  );
}

/** Asks the API for an artifact by its number, which nobody has to guess here. */
async function download(by: Holder, place: Place, { teams, model }: World): Promise<void> {
  const { team, scope, hash } = place;
  const [row] = await database.read
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(
      and(eq(artifacts.teamId, idOf(teams, team)), eq(artifacts.scope, scope), eq(artifacts.hash, hash)),
    );
  const headers = by.secret === undefined ? undefined : { authorization: `Bearer ${by.secret}` };
  const answer = await fetch(`${larder.url}/api/v1/artifacts/${row?.id ?? 999_999_999}/content`, {
    ...(headers && { headers }),
  });
  const body = await answer.text();
  const status = model.download(by, { team, scope, hash });
  expect([place, by, answer.status]).toEqual([place, by, status]);
  if (status === 200) expect(body).toBe(model.at({ team, scope, hash })?.body as string);
}
