import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { principalFor, requireEnabled, requirePermission } from "../../src/identity/access.ts";
import type { Credential, Principal } from "../../src/identity/principal.ts";
import { RateLimiter } from "../../src/identity/rate-limiter.ts";
import type { Team, TeamState } from "../../src/identity/teams.ts";

const team: Team = {
  id: "team_1",
  slug: "web",
  name: "Web",
  state: "enabled",
  overwrite: "allow",
  requireTag: false,
  anonymousRead: false,
  quotaBytes: null,
  quotaRule: "evict",
  maxAgeMs: null,
  usedBytes: 0,
  createdAt: 1,
};
const holder = { name: "ci", tokenId: "tok_1", userId: null, policyId: null };
const principal: Principal = { ...holder, permission: "write", team, scope: "" };
const credential: Credential = {
  ...holder,
  owner: "tok_1",
  permission: "write",
  scope: "",
  expiresAt: null,
  isServerAdmin: false,
  principals: [principal],
};

describe("the team of a request", () => {
  test.each([{}, { teamId: "" }, { slug: "" }, { teamId: "team_1" }, { slug: "web" }, { slug: "team_1" }])(
    "is the token's own for %p",
    (asked) => {
      expect(principalFor(credential, asked).team).toBe(team);
      expect(principalFor(credential, { teamId: "team_1", slug: "web", ...asked }).team).toBe(team);
    },
  );

  test("is refused whenever any part of it names another", () => {
    const name = fc.string({ minLength: 1 }).filter((one) => one !== "web" && one !== "team_1");
    fc.assert(
      fc.property(name, fc.constantFrom(undefined, "web", "team_1"), (other, own) => {
        for (const asked of [
          { teamId: other, slug: own },
          { teamId: own, slug: other },
        ]) {
          expect(() => principalFor(credential, asked)).toThrow(
            expect.objectContaining({ code: "wrong_team" }),
          );
        }
      }),
    );
  });

  test("is refused with a message that says what to set", () => {
    expect(() => principalFor(credential, { slug: "api" })).toThrow('team "web" (team_1)');
  });
});

describe("permissions", () => {
  test.each([
    ["read", "read", true],
    ["read", "write", false],
    ["read", "admin", false],
    ["write", "read", true],
    ["write", "write", true],
    ["write", "admin", false],
    ["admin", "read", true],
    ["admin", "write", true],
    ["admin", "admin", true],
  ] as const)("%s may %s: %p", (permission, needed, may) => {
    const ask = () => requirePermission({ ...principal, permission }, needed);
    if (may) expect(ask).not.toThrow();
    else expect(ask).toThrow(expect.objectContaining({ code: "forbidden" }));
  });
});

test.each([
  ["disabled", "team_disabled"],
  ["over_limit", "team_over_limit"],
  ["paused", "team_paused"],
  ["blocked", "team_blocked"],
] as [TeamState, string][])("a team that is %s is refused as %s", (state, code) => {
  expect(() => requireEnabled({ ...team, state })).toThrow(expect.objectContaining({ code }));
});

describe("the rate limiter", () => {
  test("lets a minute's worth through at once and then the even rate", () => {
    const limiter = new RateLimiter(60);
    for (let request = 0; request < 60; request++) limiter.take("tok_1", 0);
    expect(() => limiter.take("tok_1", 0)).toThrow(
      expect.objectContaining({ code: "too_many_requests", retryAfterSeconds: 1 }),
    );
    limiter.take("tok_1", 1_000);
    expect(() => limiter.take("tok_1", 1_000)).toThrow();
    for (let request = 0; request < 60; request++) limiter.take("tok_1", 61_000);
  });

  test("never lets more through in any stretch of time than the limit allows, whatever the rhythm", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }),
        (perMinute, pauses) => {
          const limiter = new RateLimiter(perMinute);
          let now = 0;
          let passed = 0;
          for (const pause of pauses) {
            now += pause;
            try {
              limiter.take("tok_1", now);
              passed++;
            } catch (error) {
              expect(error).toMatchObject({ code: "too_many_requests" });
            }
          }
          expect(passed).toBeLessThanOrEqual(perMinute + Math.ceil((now * perMinute) / 60_000));
        },
      ),
    );
  });

  test("counts each token by itself, and none without a limit", () => {
    const limiter = new RateLimiter(1);
    limiter.take("tok_1", 0);
    limiter.take("tok_2", 0);
    expect(() => limiter.take("tok_1", 0)).toThrow();
    const unlimited = new RateLimiter(undefined);
    for (let request = 0; request < 10_000; request++) unlimited.take("tok_1", 0);
  });
});
