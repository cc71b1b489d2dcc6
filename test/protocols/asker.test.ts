import { expect, test } from "bun:test";
import type { Principal } from "../../src/identity/principal.ts";
import type { Team } from "../../src/identity/teams.ts";
import { askerOf } from "../../src/protocols/asker.ts";

const principal: Principal = {
  name: "ci",
  tokenId: "tok_1",
  userId: null,
  policyId: null,
  permission: "read",
  team: { id: "team_1" } as Team,
  scope: "pr-1",
};

test("a use is the token's, the policy's, the environment's or anybody's", () => {
  expect(askerOf(principal, "turbo")).toEqual({
    teamId: "team_1",
    tool: "turbo",
    origin: { kind: "token", id: "tok_1" },
    tokenId: "tok_1",
    name: "ci",
    userId: null,
    scope: "pr-1",
  });
  const originOf = (more: Partial<Principal>) => askerOf({ ...principal, ...more }, "turbo").origin;
  expect(originOf({ policyId: "pol_1" })).toEqual({ kind: "policy", id: "pol_1" });
  expect(originOf({ tokenId: null, name: "TURBO_TOKEN 2" })).toEqual({
    kind: "environment",
    id: "TURBO_TOKEN 2",
  });
  expect(originOf({ tokenId: null, name: "anonymous", isAnonymous: true })).toEqual({
    kind: "anonymous",
    id: "",
  });
});

test("the same principal is the same asker, and another by another tool", () => {
  expect(askerOf(principal, "turbo")).toBe(askerOf(principal, "turbo"));
  expect(askerOf(principal, "nx")).not.toBe(askerOf(principal, "turbo"));
  expect(askerOf(principal, "nx").tool).toBe("nx");
  expect(askerOf({ ...principal }, "turbo")).not.toBe(askerOf(principal, "turbo"));
});
