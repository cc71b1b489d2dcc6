import { expect, test } from "bun:test";
import pino from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { audit, users as usersTable } from "../../src/database/schema.ts";
import { Authenticator } from "../../src/identity/authenticator.ts";
import { Members } from "../../src/identity/members.ts";
import { OidcUsers } from "../../src/identity/oidc-users.ts";
import { Sessions } from "../../src/identity/sessions.ts";
import type { OidcClaims, SignInRule } from "../../src/identity/sign-in-rules.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { refusalOf } from "../refusal.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { vouchedFor } from "./vouched-for.ts";

const ann: OidcClaims = {
  issuer: "https://id.example.com",
  subject: "0001",
  email: "ann@example.org",
  isEmailVerified: true,
  name: "Ann",
  groups: ["web"],
};

const root = "root@example.org";

const rules: SignInRule[] = [
  { match: { by: "domain", value: "example.org" }, grant: { team: "default", role: "viewer" } },
  { match: { by: "group", value: "web" }, grant: { team: "web", role: "owner" } },
  { match: { by: "group", value: "ops" }, grant: { role: "admin" } },
  { match: { by: "group", value: "lost" }, grant: { team: "nowhere", role: "member" } },
];

async function openPeople() {
  const folder = temporaryFolder();
  const database = openDatabase(`${folder.path}/larder.db`, "fast");
  const teams = new Teams(database, serverActor);
  await teams.ensureDefault();
  const web = await teams.create({ slug: "web" });
  await new Users(database, serverActor).create({ email: root, role: "admin" });
  const members = new Members(database, serverActor);
  const logged: string[] = [];
  const log = pino({}, { write: (line) => void logged.push(line) });
  const oidc = new OidcUsers(database, rules, log);
  return {
    database,
    members,
    web,
    users: new Users(database, serverActor),
    sessions: new Sessions(database),
    tokens: new Tokens(database, serverActor),
    admit: async (claims: Partial<OidcClaims> = {}) =>
      (await oidc.admit({ ...ann, ...claims }, "192.0.2.1")).user,
    warnOfMissingTeams: () => oidc.warnOfMissingTeams(),
    logged,
    teamsOf: async (id: string) =>
      (await members.teamsOf(id)).map(({ team, role, source }) => `${team.slug}:${role} ${source}`),
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}

async function auditKinds(database: Database): Promise<string[]> {
  return (await database.read.select().from(audit)).map(({ kind, target }) => `${kind} ${target}`);
}

test("the first sign-in makes the user, with the teams that the rules give, and writes it down", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  expect(user).toMatchObject({ email: ann.email, name: "Ann", role: "member", hasPassword: false });
  expect(await people.teamsOf(user.id)).toEqual(["default:viewer oidc", "web:owner oidc"]);
  const rows = (await people.database.read.select().from(audit)).filter(({ target }) => target === ann.email);
  expect(rows.map(({ kind }) => kind)).toEqual(["user.create", "member.set", "member.set"]);
  expect(rows.every((row) => row.actorName === "single sign-on" && row.address === "192.0.2.1")).toBe(true);
});

test("the same subject is the same user, under whichever address", async () => {
  await using people = await openPeople();
  const first = await people.admit();
  const second = await people.admit({ email: "anna@example.org" });
  expect(second.id).toBe(first.id);
  expect(second.email).toBe(first.email);
  expect(await people.users.list()).toHaveLength(2);
});

test("memberships follow the groups, and those given by hand stay as they are", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  await people.members.set(
    (await new Teams(people.database, serverActor).get("default")).id,
    user.id,
    "owner",
  );
  await people.admit({ groups: [] });
  expect(await people.teamsOf(user.id)).toEqual(["default:owner manual"]);
  await people.admit({ groups: ["web"] });
  expect(await people.teamsOf(user.id)).toEqual(["default:owner manual", "web:owner oidc"]);
});

test("what changes counts for the user's tokens at once", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  const { secret } = await people.tokens.create({ userId: user.id, name: "laptop", permission: "write" });
  const authenticator = new Authenticator(people.database, []);
  const slugs = async () =>
    (await authenticator.authenticate(secret))?.principals.map(({ team }) => team.slug);
  expect(await slugs()).toEqual(["default", "web"]);
  await people.admit({ groups: [] });
  expect(await slugs()).toEqual(["default"]);
});

test("a sign-in that changes nothing writes nothing down", async () => {
  await using people = await openPeople();
  await people.admit();
  const before = await auditKinds(people.database);
  await people.admit();
  expect(await auditKinds(people.database)).toEqual(before);
});

test("an administrator by rule is one no longer when the rule does not match", async () => {
  await using people = await openPeople();
  expect(await people.admit({ groups: ["ops"] })).toMatchObject({ role: "admin", roleSource: "oidc" });
  expect(await people.admit({ groups: ["ops"] })).toMatchObject({ role: "admin", roleSource: "oidc" });
  expect(await people.admit({ groups: [] })).toMatchObject({ role: "member", roleSource: "manual" });
});

test("an administrator by hand stays one, also one whom a rule had made one before", async () => {
  await using people = await openPeople();
  await people.users.create({ email: ann.email as string, role: "admin" });
  expect(await people.admit({ groups: [] })).toMatchObject({ role: "admin", roleSource: "manual" });
  await people.admit({ subject: "0002", email: "bob@example.org", groups: ["ops"] });
  await people.users.set("bob@example.org", { role: "admin" });
  expect(await people.admit({ subject: "0002", groups: [] })).toMatchObject({ role: "admin" });
});

test("a local user with the same verified address is linked, and keeps password and memberships", async () => {
  await using people = await openPeople();
  const local = await people.users.create({ email: ann.email as string, password: "correct horse" });
  await people.members.set(people.web.id, local.id, "viewer");
  const user = await people.admit({ email: "Ann@Example.org" });
  expect(user).toMatchObject({ id: local.id, hasPassword: true, oidcIssuer: ann.issuer });
  expect(await people.teamsOf(user.id)).toEqual(["default:viewer oidc", "web:viewer manual"]);
  expect(await auditKinds(people.database)).toContain(`user.oidc-link ${ann.email}`);
});

test("with an address that is not verified nobody becomes a local user", async () => {
  await using people = await openPeople();
  await people.users.create({ email: ann.email as string, role: "admin" });
  expect((await refusalOf(people.admit({ isEmailVerified: false }))).code).toBe("forbidden");
  expect(await people.admit({ isEmailVerified: undefined })).toMatchObject({ role: "member" });
  expect((await people.users.get(ann.email as string)).oidcIssuer).toBeNull();
});

test("an address of which the provider says nothing is kept free for the one whose it is", async () => {
  await using people = await openPeople();
  const squatter = await people.admit({ isEmailVerified: undefined, email: "Boss@example.org" });
  expect(squatter.email).toMatch(/^boss@example\.org\.unverified-[0-9a-f]{16}\.invalid$/);
  // The same person comes back to the same account.
  expect((await people.admit({ isEmailVerified: undefined })).id).toBe(squatter.id);
  const boss = await people.admit({ subject: "0002", email: "boss@example.org" });
  expect(boss.email).toBe("boss@example.org");
  expect(boss.id).not.toBe(squatter.id);
});

test("another subject with the same verified address is another person", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  const message = (await refusalOf(people.admit({ subject: "0002" }))).message;
  expect(message).toContain("Another user has the address ann@example.org");
  expect((await people.users.findByOidc(ann))?.id).toBe(user.id);
  expect(await people.users.list()).toHaveLength(2);
});

test("the user of a provider that was there before goes over to the new one by the verified address", async () => {
  await using people = await openPeople();
  const before = await people.admit();
  const after = await people.admit({ issuer: "https://new.example.com", subject: "a" });
  expect(after).toMatchObject({ id: before.id, oidcIssuer: "https://new.example.com" });
});

test("without a rule that matches there is no account", async () => {
  await using people = await openPeople();
  await refusalOf(people.admit({ email: "eve@example.com", groups: [] }));
  expect((await people.users.list()).map(({ email }) => email)).toEqual([root]);
});

test("whoever no rule matches any more loses what came with it, sessions too, and keeps what was given by hand", async () => {
  await using people = await openPeople();
  const user = await people.admit({ groups: ["web", "ops"] });
  await people.members.set(
    (await new Teams(people.database, serverActor).get("default")).id,
    user.id,
    "member",
  );
  const cookie = await people.sessions.open(vouchedFor(user), { address: null, client: null }, 60_000);
  await refusalOf(people.admit({ email: "ann@elsewhere.example", groups: [] }));
  expect(await people.teamsOf(user.id)).toEqual(["default:member manual"]);
  expect((await people.users.get(user.id)).role).toBe("member");
  expect(await people.sessions.find(cookie)).toBeUndefined();
  expect(await auditKinds(people.database)).toContain("session.refuse ann@elsewhere.example");
});

test("refusals are written down, and a crowd of strangers only in part", async () => {
  await using people = await openPeople();
  for (let subject = 0; subject < 50; subject++)
    await refusalOf(people.admit({ subject: String(subject), email: "eve@example.com", groups: [] }));
  const kinds = await auditKinds(people.database);
  const refusals = kinds.filter((kind) => kind === "session.refuse eve@example.com").length;
  expect(refusals).toBeGreaterThanOrEqual(20);
  // The minute may have ended in between.
  expect(refusals).toBeLessThanOrEqual(40);
});

test("a disabled user is refused, linked or about to be, and nothing changes", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  await people.users.set(user.id, { isDisabled: true });
  expect((await refusalOf(people.admit({ groups: [] }))).message).toContain("disabled");
  expect(await people.teamsOf(user.id)).toEqual(["default:viewer oidc", "web:owner oidc"]);
  await people.users.create({ email: "bob@example.org" });
  await people.users.set("bob@example.org", { isDisabled: true });
  expect((await refusalOf(people.admit({ subject: "2", email: "bob@example.org" }))).message).toContain(
    "disabled",
  );
  expect((await people.users.get("bob@example.org")).oidcIssuer).toBeNull();
});

test("an account needs an address that the provider does not call unverified", async () => {
  await using people = await openPeople();
  expect((await refusalOf(people.admit({ isEmailVerified: false }))).message).toContain("Verify it there");
  expect((await refusalOf(people.admit({ email: undefined }))).message).toContain("scope email");
  expect((await refusalOf(people.admit({ email: "ann <ann@example.org>" }))).code).toBe("forbidden");
  expect((await people.users.list()).map(({ email }) => email)).toEqual([root]);
  // A provider that says nothing of it is taken at its word, as far as groups go.
  expect((await people.admit({ isEmailVerified: undefined })).oidcIssuer).toBe(ann.issuer);
});

test("an address with the sign for kelvin is not the one with a k, whatever the provider says of it", async () => {
  await using people = await openPeople();
  await people.users.create({ email: "kate@example.org", role: "admin" });
  const refused = await refusalOf(people.admit({ email: "\u212Aate@example.org" }));
  expect(refused.message).toContain("letters than those of ASCII");
  expect((await people.users.get("kate@example.org")).oidcIssuer).toBeNull();
});

test("a name that would spoil a table gives way to the address", async () => {
  await using people = await openPeople();
  expect((await people.admit({ name: "Ann\n\u202eadmin" })).name).toBe("ann");
});

test("a team that is not there is left out, and known by name", async () => {
  await using people = await openPeople();
  const user = await people.admit({ groups: ["lost"] });
  expect(await people.teamsOf(user.id)).toEqual(["default:viewer oidc"]);
  await people.warnOfMissingTeams();
  expect(JSON.parse(people.logged.join())).toMatchObject({ level: 40, teams: ["nowhere"] });
});

test("two first sign-ins at once make one user", async () => {
  await using people = await openPeople();
  await people.users.create({ email: ann.email as string });
  const both = await Promise.all([people.admit(), people.admit()]);
  expect(both[0]?.id).toBe(both[1]?.id as string);
  expect(await people.database.read.select().from(usersTable)).toHaveLength(2);
});

test("whoever is disabled while signing in is refused, and nothing changes", async () => {
  await using people = await openPeople();
  const user = await people.admit();
  const [, admitted] = await Promise.allSettled([
    people.users.set(user.id, { isDisabled: true }),
    people.admit({ groups: ["ops"] }),
  ]);
  expect(admitted).toMatchObject({ status: "rejected", reason: { code: "forbidden" } });
  expect(await people.users.get(user.id)).toMatchObject({ role: "member" });
  expect(await people.teamsOf(user.id)).toEqual(["default:viewer oidc", "web:owner oidc"]);
});

test("what single sign-on changes is written down as anybody's changes are, with what was there before", async () => {
  await using people = await openPeople();
  await people.admit();
  const before = (await auditKinds(people.database)).length;
  await people.admit({ groups: ["ops"] });
  const rows = (await people.database.read.select().from(audit)).slice(before);
  expect(rows).toMatchObject([
    { kind: "user.set", details: { role: "admin", source: "oidc", before: { role: "member" } } },
    { kind: "member.remove", details: { team: "web", role: null, source: "oidc", before: "owner" } },
  ]);
});
