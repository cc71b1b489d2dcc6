import { expect, test } from "bun:test";
import { serverActor } from "../../src/audit/audit-log.ts";
import { maxPolicies, Policies } from "../../src/identity/policies.ts";
import { createToken, maxLiveTokens, type NewToken } from "../../src/identity/tokens.ts";
import type { Refusal } from "../../src/refusal.ts";
import { openTestIdentity } from "./test-identity.ts";

test("a team and a user have at most so many valid tokens, and of CI jobs any number", async () => {
  await using t = openTestIdentity();
  const team = await t.teams.create({ slug: "web" });
  const ann = await t.users.create({ email: "ann@example.org" });
  for (const holder of [{ teamId: team.id }, { userId: ann.id }]) {
    const wish: NewToken = { ...holder, name: "one", permission: "read" };
    await t.database.write(async (tx) => {
      for (let made = 1; made < maxLiveTokens; made++) await createToken(tx, serverActor, wish);
    });
    const { id } = await t.tokens.create(wish);
    const refused: Refusal = await t.tokens.create(wish).catch((error) => error);
    expect([refused.code, refused.message]).toEqual(["conflict", expect.stringContaining("Revoke those")]);
    await t.tokens.create({ ...wish, exchange: { policyId: "pol_1", claims: {} } });
    await t.tokens.revoke(id);
    await t.tokens.create(wish);
    expect(await t.tokens.create(wish).catch(({ code }) => code)).toBe("conflict");
  }
});

test("a team has at most so many policies, and of several that are one too many none is made", async () => {
  await using t = openTestIdentity();
  const team = await t.teams.create({ slug: "web" });
  const policies = new Policies(t.database, serverActor);
  const policy = (name: number) => ({
    name: `policy ${name}`,
    teamId: team.id,
    issuer: "https://ci.example.com",
    audience: "larder",
    claims: { project: `web-${name}` },
    permission: "write" as const,
    scope: "",
  });
  const all = Array.from({ length: maxPolicies - 1 }, (_, index) => policy(index));
  await policies.create(...all);
  const refused: Refusal = await policies.create(policy(1_000), policy(1_001)).catch((error) => error);
  expect([refused.code, refused.message]).toEqual(["conflict", expect.stringContaining("Delete those")]);
  expect(await policies.list({ teamId: team.id })).toHaveLength(maxPolicies - 1);
  await policies.create(policy(1_002));
  expect(await policies.create(policy(1_003)).catch(({ code }) => code)).toBe("conflict");
});
