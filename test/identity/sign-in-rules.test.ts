import { expect, test } from "bun:test";
import fc from "fast-check";
import type { MemberRole } from "../../src/identity/members.ts";
import { grantsOf, type SignInRule, teamsNamedIn } from "../../src/identity/sign-in-rules.ts";

const ann = { email: "ann@example.org", isEmailVerified: true, groups: ["web"] } as const;
const asMember = { team: "default", role: "member" } as const;

function rule(match: SignInRule["match"], grant: SignInRule["grant"] = asMember): SignInRule {
  return { match, grant };
}

test("without a rule that matches nobody gets in", () => {
  expect(grantsOf([], ann)).toBeUndefined();
  expect(grantsOf([rule({ by: "group", value: "ops" })], ann)).toBeUndefined();
});

test.each([
  [{ by: "any" }],
  [{ by: "domain", value: "example.org" }],
  [{ by: "email", value: "ann@example.org" }],
  [{ by: "group", value: "web" }],
] as const)("%p matches", (match) => {
  expect(grantsOf([rule(match)], ann)).toEqual({ role: "member", teams: new Map([["default", "member"]]) });
});

test.each([
  [{ by: "domain", value: "ample.org" }],
  [{ by: "domain", value: "org" }],
  [{ by: "domain", value: "mail.example.org" }],
  [{ by: "email", value: "bob@example.org" }],
  [{ by: "group", value: "WEB" }],
  [{ by: "group", value: "we" }],
] as const)("%p does not match", (match) => {
  expect(grantsOf([rule(match)], ann)).toBeUndefined();
});

test("domains and addresses are the same in any case", () => {
  const loud = { ...ann, email: "Ann@EXAMPLE.org" };
  expect(grantsOf([rule({ by: "domain", value: "example.org" })], loud)).toBeDefined();
  expect(grantsOf([rule({ by: "email", value: "ann@example.org" })], loud)).toBeDefined();
});

test.each([false, undefined])(
  "an address whose verification is %p matches no rule about addresses",
  (isEmailVerified) => {
    const unverified = { ...ann, isEmailVerified };
    const byAddress = [rule({ by: "domain", value: "example.org" }), rule({ by: "email", value: ann.email })];
    expect(grantsOf(byAddress, unverified)).toBeUndefined();
    expect(grantsOf([rule({ by: "group", value: "web" })], unverified)).toBeDefined();
    expect(grantsOf([rule({ by: "any" })], unverified)).toBeDefined();
  },
);

test("only what stands behind the last @ is the domain", () => {
  const odd = { ...ann, email: '"x@example.org"@evil.example' };
  expect(grantsOf([rule({ by: "domain", value: "example.org" })], odd)).toBeUndefined();
});

test("rules add up, and the strongest role in each team wins", () => {
  const rules = [
    rule({ by: "any" }, { team: "default", role: "viewer" }),
    rule({ by: "group", value: "web" }, { team: "web", role: "owner" }),
    rule({ by: "domain", value: "example.org" }, { team: "web", role: "member" }),
    rule({ by: "domain", value: "example.org" }, { team: "default", role: "member" }),
    rule({ by: "group", value: "ops" }, { role: "admin" }),
  ];
  expect(grantsOf(rules, ann)).toEqual({
    role: "member",
    teams: new Map<string, MemberRole>([
      ["default", "member"],
      ["web", "owner"],
    ]),
  });
  expect(grantsOf(rules, { ...ann, groups: ["ops"] })?.role).toBe("admin");
});

test("the teams that rules name are known, each once", () => {
  const rules = [
    rule({ by: "any" }),
    rule({ by: "group", value: "a" }),
    rule({ by: "any" }, { role: "admin" }),
  ];
  expect(teamsNamedIn(rules)).toEqual(["default"]);
});

const names = fc.constantFrom("a", "b", "c");
const matches: fc.Arbitrary<SignInRule["match"]> = fc.oneof(
  fc.constant({ by: "any" } as const),
  fc.record({ by: fc.constant("group" as const), value: names }),
  fc.record({ by: fc.constant("domain" as const), value: names }),
  fc.record({ by: fc.constant("email" as const), value: names.map((name) => `${name}@${name}`) }),
);
const memberRoles = fc.constantFrom("viewer", "member", "owner");
const grants: fc.Arbitrary<SignInRule["grant"]> = fc.oneof(
  fc.record({ role: fc.constantFrom("admin", "member") }),
  fc.record({ team: names, role: memberRoles }),
);
const rules = fc.array(fc.record({ match: matches, grant: grants }), { maxLength: 6 });
const claims = fc.record({
  email: fc.option(
    fc.tuple(names, names).map(([name, domain]) => `${name}@${domain}`),
    { nil: undefined },
  ),
  isEmailVerified: fc.constantFrom(true, false, undefined),
  groups: fc.uniqueArray(names),
});
const rank = { viewer: 1, member: 2, owner: 3 };

/** What somebody may in a team, as a number that grows with it; 0 for nothing. */
function mayIn(team: string, given: ReturnType<typeof grantsOf>): number {
  const role = given?.teams.get(team);
  return role === undefined ? 0 : rank[role];
}

test("the order of rules does not matter", () => {
  fc.assert(
    fc.property(rules, claims, (some, who) => {
      expect(grantsOf([...some].reverse(), who)).toEqual(grantsOf(some, who));
    }),
  );
});

test("one more rule or group never takes anything away", () => {
  fc.assert(
    fc.property(
      rules,
      fc.record({ match: matches, grant: grants }),
      names,
      claims,
      (some, one, group, who) => {
        const less = grantsOf(some, who);
        for (const more of [
          grantsOf([...some, one], who),
          grantsOf(some, { ...who, groups: [...who.groups, group] }),
        ]) {
          if (less) expect(more).toBeDefined();
          if (less?.role === "admin") expect(more?.role).toBe("admin");
          for (const team of ["a", "b", "c"])
            expect(mayIn(team, more)).toBeGreaterThanOrEqual(mayIn(team, less));
        }
      },
    ),
  );
});

test("nobody gets what no rule says", () => {
  fc.assert(
    fc.property(rules, claims, (some, who) => {
      const given = grantsOf(some, who);
      if (given?.role === "admin") expect(some.some(({ grant }) => grant.role === "admin")).toBe(true);
      for (const [team, role] of given?.teams ?? [])
        expect(some.map(({ grant }) => grant)).toContainEqual({ team, role });
    }),
  );
});

test("whoever has no verified address gets what groups and `any` give, and nothing else", () => {
  fc.assert(
    fc.property(rules, claims, (some, who) => {
      const unverified = { ...who, isEmailVerified: false };
      const others = some.filter(({ match }) => match.by === "any" || match.by === "group");
      expect(grantsOf(some, unverified)).toEqual(grantsOf(others, unverified));
    }),
  );
});
