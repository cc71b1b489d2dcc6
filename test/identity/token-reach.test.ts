import { Database as Sqlite } from "bun:sqlite";
import { expect, test } from "bun:test";
import { drizzle } from "drizzle-orm/bun-sqlite";
import type { Database } from "../../src/database/database.ts";
import * as schema from "../../src/database/schema.ts";
import { readTokenReach, readTokenReaches, type TokenReach } from "../../src/identity/token-reach.ts";
import type { Token } from "../../src/identity/tokens.ts";
import { openTestIdentity } from "./test-identity.ts";

/** What a token may do, and how SQLite finds that out, step by step. */
async function watched(
  { path, database }: { path: string; database: Database },
  token: Token,
): Promise<{ reach: TokenReach; steps: string[] }> {
  using sqlite = new Sqlite(path, { readonly: true });
  const steps: string[] = [];
  const logQuery = (query: string, values: unknown[]) => {
    const plan = sqlite.query(`EXPLAIN QUERY PLAN ${query}`).all(...(values as string[]));
    steps.push(...(plan as { detail: string }[]).map(({ detail }) => detail));
  };
  const read = drizzle(sqlite, { schema, casing: "snake_case", logger: { logQuery } });
  return { reach: await readTokenReach({ ...database, read }, token), steps };
}

test("what one token may do is read without other users and their teams, and is the same as in a list", async () => {
  await using t = openTestIdentity();
  const [app, web] = [await t.teams.create({ slug: "app" }), await t.teams.create({ slug: "web" })];
  const ann = await t.users.create({ email: "ann@example.org", role: "admin" });
  const bob = await t.users.create({ email: "bob@example.org" });
  const eve = await t.users.create({ email: "eve@example.org" });
  await t.members.set(app.id, ann.id, "viewer");
  await t.members.set(web.id, bob.id, "viewer");
  await t.members.set(app.id, bob.id, "owner");
  await t.members.set(app.id, eve.id, "owner");
  const tokenOf = (holder: { teamId: string } | { userId: string }) =>
    t.tokens.create({ ...holder, name: "one", permission: "write" });
  const inApp = { teamId: app.id, slug: "app", permission: "write" } as const;
  const inWeb = { teamId: web.id, slug: "web" };

  const ofTeam = await tokenOf({ teamId: app.id });
  const ofMember = await tokenOf({ userId: bob.id });
  const ofAdministrator = await tokenOf({ userId: ann.id });
  const seen = await Promise.all([ofTeam, ofMember, ofAdministrator].map((token) => watched(t, token)));
  expect(seen.map(({ reach }) => reach)).toEqual([
    { teams: [inApp], inEveryTeam: false },
    { teams: [inApp, { ...inWeb, permission: "read" }], inEveryTeam: false },
    { teams: [inApp, { ...inWeb, permission: "write" }], inEveryTeam: true },
  ]);
  const reachOf = await readTokenReaches(t.database);
  for (const [index, token] of [ofTeam, ofMember, ofAdministrator].entries())
    expect(reachOf(token)).toEqual(seen[index]?.reach as TokenReach);

  const [teamSteps, memberSteps, administratorSteps] = seen.map(({ steps }) => steps);
  const scans = (steps: string[] = []) => steps.filter((step) => step.startsWith("SCAN"));
  expect(teamSteps).toEqual([]);
  expect(memberSteps).toContain("SEARCH members USING INDEX members_user (user_id=?)");
  expect(scans(memberSteps)).toEqual([]);
  expect(administratorSteps).toContain("SEARCH members USING INDEX members_user (user_id=?)");
  // All of them it may act in.
  expect(scans(administratorSteps)).toEqual(["SCAN teams USING INDEX teams_slug_unique"]);
});
