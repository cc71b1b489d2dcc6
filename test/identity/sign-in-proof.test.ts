import { expect, test } from "bun:test";
import { pino } from "pino";
import { sessions } from "../../src/database/schema.ts";
import { OidcUsers } from "../../src/identity/oidc-users.ts";
import type { SignInRule } from "../../src/identity/sign-in-rules.ts";
import { openTestIdentity } from "./test-identity.ts";

type Identity = ReturnType<typeof openTestIdentity>;

const email = "bob@example.org";
const password = "correct horse";
const claims = {
  issuer: "https://id.example.com",
  subject: "1",
  email,
  isEmailVerified: true,
  name: "Bob",
  groups: [],
};
const place = { address: "192.0.2.1", client: "Browser/1.0" };
const day = 86_400_000;

function oidcUsersOf({ database }: Identity): OidcUsers {
  const rule: SignInRule = { match: { by: "domain", value: "example.org" }, grant: { role: "admin" } };
  return new OidcUsers(database, [rule], pino({ level: "silent" }));
}

const ways = {
  "a password": (t: Identity) => t.passwordSignIn.verify(email, password, null),
  "a link": async (t: Identity) =>
    await t.users.setPasswordByLink(await t.users.createPasswordLink(email, day), "by the link", null),
  "single sign-on": async (t: Identity) => await oidcUsersOf(t).admit(claims, null),
};

const ends = {
  "is disabled": (t: Identity) => t.beside.users.set(email, { isDisabled: true }),
  "is deleted": (t: Identity) => t.beside.users.delete(email),
  "gets another password": (t: Identity) => t.beside.users.setPassword(email, "battery staple"),
  "is of another provider": (t: Identity) =>
    oidcUsersOf(t).admit({ ...claims, issuer: "https://new.example.com" }, null),
};

const cases = [
  ["a password", "is disabled"],
  ["a password", "is deleted"],
  ["a password", "gets another password"],
  ["a link", "is disabled"],
  ["a link", "is deleted"],
  ["a link", "gets another password"],
  ["single sign-on", "is disabled"],
  ["single sign-on", "is deleted"],
  ["single sign-on", "is of another provider"],
] as const;

async function openWithBob(): Promise<Identity> {
  const t = openTestIdentity();
  await t.users.create({ email: "ann@example.org", role: "admin" });
  await t.users.create({ email, password });
  return t;
}

test.each(cases)("a sign-in by %s opens no session when its user %s before it is done", async (way, end) => {
  await using t = await openWithBob();
  const proof = await ways[way](t);
  await ends[end](t);
  const { code, message } = await t.sessions.open(proof, place, day).then(
    () => ({ code: "opened", message: "" }),
    (error) => error,
  );
  expect({ code, message }).toEqual({
    code: "unauthorized",
    message: expect.stringContaining("Sign in again"),
  });
  expect(await t.database.read.select().from(sessions)).toEqual([]);
  expect(await t.auditKinds()).not.toContain("session.open");
});

test.each(cases.filter(([, end]) => end !== "is of another provider"))(
  "a session of a sign-in by %s ends when its user %s after it",
  async (way, end) => {
    await using t = await openWithBob();
    const secret = await t.sessions.open(await ways[way](t), place, day);
    expect(await t.sessions.find(secret)).toMatchObject({ user: { email } });
    await ends[end](t);
    expect(await t.database.read.select().from(sessions)).toEqual([]);
  },
);

test("whoever still has the old password cannot set another one over that of an administrator", async () => {
  await using t = await openWithBob();
  const proof = await t.passwordSignIn.verify(email, password, null);
  await t.beside.users.setPassword(email, "battery staple");
  const error = await t.users.changePassword(proof, "by the intruder", null).catch(({ code }) => code);
  expect(error).toBe("unauthorized");
  expect(await t.users.findByPassword(email, "battery staple")).toBeDefined();
});

test("a new password is the proof for the session that follows", async () => {
  await using t = await openWithBob();
  const before = await t.passwordSignIn.verify(email, password, null);
  const after = await t.users.changePassword(before, "battery staple", null);
  expect(await t.sessions.open(before, place, day).catch(({ code }) => code)).toBe("unauthorized");
  expect(await t.sessions.find(await t.sessions.open(after, place, day))).toBeDefined();
});
