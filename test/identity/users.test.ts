import { Database as Sqlite } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { AuditLog } from "../../src/audit/audit-log.ts";
import { openTestIdentity } from "./test-identity.ts";
import { vouchedFor } from "./vouched-for.ts";

const day = 86_400_000;
const ann = { email: "ann@example.org", name: "Ann", role: "admin", password: "correct horse" } as const;

function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "none",
    (error) => error.code ?? error,
  );
}

describe("users", () => {
  test("are found by address in any case, by id, and by the name that a provider has for them", async () => {
    await using t = openTestIdentity();
    const oidc = { issuer: "https://id.example.org", subject: "4711" };
    const user = await t.users.create({ email: "Ann@Example.org", oidc });
    expect(user).toMatchObject({ email: "ann@example.org", name: "Ann", role: "member", hasPassword: false });
    for (const name of ["ann@example.org", "ANN@EXAMPLE.ORG", user.id])
      expect(await t.users.get(name)).toEqual(user);
    expect(await t.users.findByOidc(oidc)).toEqual(user);
    expect(await t.users.findByOidc({ ...oidc, issuer: "https://other.example.org" })).toBeUndefined();
    expect(await codeOf(t.users.get("bob@example.org"))).toBe("not_found");
  });

  test("have an address of their own", async () => {
    await using t = openTestIdentity();
    await t.users.create(ann);
    expect(await codeOf(t.users.create({ email: "ANN@example.org" }))).toBe("conflict");
    await t.users.create({ email: "bob@example.org" });
    expect(await codeOf(t.users.set("bob@example.org", { email: "Ann@example.org" }))).toBe("conflict");
    expect((await t.users.set("bob@example.org", { email: "Bob@example.com" })).email).toBe(
      "bob@example.com",
    );
    expect((await t.users.set(ann.email, { email: "ANN@EXAMPLE.ORG" })).email).toBe("ann@example.org");
  });

  test("sign in with their password, and no other", async () => {
    await using t = openTestIdentity();
    const user = await t.users.create(ann);
    expect((await t.users.findByPassword("ANN@example.org", "correct horse"))?.user).toEqual(user);
    expect(await t.users.findByPassword(ann.email, "Correct horse")).toBeUndefined();
    expect(await t.users.findByPassword("bob@example.org", "correct horse")).toBeUndefined();
    await t.users.create({ email: "bob@example.org" });
    for (const password of ["", "null", "correct horse"])
      expect(await t.users.findByPassword("bob@example.org", password)).toBeUndefined();
  });

  test("never show what their password is hashed to", async () => {
    await using t = openTestIdentity();
    const shown = [await t.users.create(ann), ...(await t.users.list()), await t.users.get(ann.email)];
    expect(JSON.stringify(shown)).not.toContain("argon2");
    using sqlite = new Sqlite(t.path, { readonly: true });
    expect(JSON.stringify(sqlite.query("SELECT * FROM audit").all())).not.toContain("argon2");
  });

  test("that are disabled are out everywhere, and so are their tokens, until they are enabled again", async () => {
    await using t = openTestIdentity();
    await t.teams.ensureDefault();
    await t.users.create(ann);
    const user = await t.users.create({ email: "bob@example.org", role: "admin", password: "correct horse" });
    const { secret } = await t.tokens.create({ userId: user.id, name: "laptop", permission: "admin" });
    expect(await t.authenticator.authenticate(secret)).toBeDefined();
    expect((await t.beside.users.set(user.id, { isDisabled: true })).disabledAt).not.toBeNull();
    expect(await t.authenticator.authenticate(secret)).toBeUndefined();
    expect(await t.users.findByPassword(user.email, "correct horse")).toBeUndefined();
    expect(await codeOf(t.users.createPasswordLink(user.id, day))).toBe("conflict");
    await t.beside.users.set(user.id, { isDisabled: false });
    expect(await t.authenticator.authenticate(secret)).toBeDefined();
    await t.beside.users.delete(user.id);
    expect(await t.authenticator.authenticate(secret)).toBeUndefined();
  });

  test("always include an administrator who may sign in", async () => {
    await using t = openTestIdentity();
    await t.users.create(ann);
    await t.users.create({ email: "bob@example.org" });
    const changes = [
      () => t.users.set(ann.email, { role: "member" }),
      () => t.users.set(ann.email, { isDisabled: true }),
      () => t.users.delete(ann.email),
    ];
    for (const change of changes) expect(await codeOf(change())).toBe("conflict");
    expect(await t.users.get(ann.email)).toMatchObject({ role: "admin", disabledAt: null });
    await t.users.set("bob@example.org", { role: "admin" });
    // Of two who take it from each other at the same time, one stays.
    const both = [ann.email, "bob@example.org"].map((one, index) =>
      codeOf((index === 0 ? t : t.beside).users.set(one, { role: "member" })),
    );
    expect((await Promise.all(both)).sort()).toEqual(["conflict", "none"]);
    expect(await t.users.isSetUp()).toBe(true);
  });

  test("are refused with what cannot be", async () => {
    await using t = openTestIdentity();
    for (const bad of [
      { email: "ann" },
      { ...ann, name: "a\nb" },
      { ...ann, name: "" },
      { ...ann, password: "short" },
    ])
      expect(await codeOf(t.users.create(bad))).toBe("bad_request");
    expect(await t.users.list()).toEqual([]);
  });
});

test("nobody's password is their own address, whichever way it is chosen", async () => {
  await using t = openTestIdentity();
  const email = "ann.archer@example.org";
  const link = await t.links.create("setup", { maxAgeMs: day });
  const user = await t.users.create({ email, password: "correct horse" });
  const proof = vouchedFor(user);
  for (const password of [email, "Ann.Archer"]) {
    const passwordLink = await t.users.createPasswordLink(email, day);
    for (const choose of [
      () => t.users.create({ email: "Ann.Archer@example.com", password: password.replace(".org", ".com") }),
      () => t.users.createFirst({ email, password }, link, null),
      () => t.users.setPassword(email, password),
      () => t.users.changePassword(proof, password, null),
      () => t.users.setPasswordByLink(passwordLink, password, null),
    ])
      expect(await codeOf(choose())).toBe("bad_request");
  }
  expect(await t.users.findByPassword(email, "correct horse")).toBeDefined();
});

describe("the first administrator", () => {
  test("needs the link, which is used up only by that", async () => {
    await using t = openTestIdentity();
    const secret = await t.links.create("setup", { maxAgeMs: day });
    expect(await codeOf(t.users.createFirst(ann, "lrl_wrong", null))).toBe("unauthorized");
    await t.users.create({ email: "bob@example.org" });
    expect(await codeOf(t.users.createFirst({ ...ann, email: "bob@example.org" }, secret, null))).toBe(
      "conflict",
    );
    expect(await t.users.isSetUp()).toBe(false);
    const { user } = await t.users.createFirst(ann, secret, "192.0.2.7");
    expect(user.role).toBe("admin");
    const { items } = await new AuditLog(t.database).list({ kind: "user.create", target: user.email });
    expect(items).toMatchObject([
      { actorKind: "user", actorId: user.id, actorName: user.email, address: "192.0.2.7" },
    ]);
    expect(await t.links.find(secret, "setup")).toBeUndefined();
    const another = await t.links.create("setup", { maxAgeMs: day });
    expect(await codeOf(t.users.createFirst({ ...ann, email: "eve@example.org" }, another, null))).toBe(
      "conflict",
    );
  });
});

describe("a password link", () => {
  test("lets its user choose a password, once, and ends what was signed in before", async () => {
    await using t = openTestIdentity();
    const user = await t.users.create(ann);
    const session = await t.sessions.open(vouchedFor(user), { address: null, client: null }, day);
    const secret = await t.users.createPasswordLink(user.id, day);
    expect(await codeOf(t.users.setPasswordByLink(secret, "short", null))).toBe("bad_request");
    expect(await t.sessions.find(session)).toBeDefined();
    const both = await Promise.all(
      ["first choice", "second choice"].map((password) =>
        codeOf(t.users.setPasswordByLink(secret, password, null)),
      ),
    );
    expect(both.sort()).toEqual(["none", "unauthorized"]);
    expect(await t.sessions.find(session)).toBeUndefined();
    expect(await t.users.findByPassword(ann.email, ann.password)).toBeUndefined();
  });

  test("is worth nothing once the password was set otherwise, or its user is disabled", async () => {
    await using t = openTestIdentity();
    await t.users.create(ann);
    const user = await t.users.create({ email: "bob@example.org" });
    const secret = await t.users.createPasswordLink(user.id, day);
    await t.users.set(user.id, { isDisabled: true });
    expect(await codeOf(t.users.setPasswordByLink(secret, "a password", null))).toBe("unauthorized");
    await t.users.set(user.id, { isDisabled: false });
    await t.users.setPassword(user.id, "another one");
    expect(await codeOf(t.users.setPasswordByLink(secret, "a password", null))).toBe("unauthorized");
    expect(await t.users.findByPassword(user.email, "another one")).toBeDefined();
  });
});

describe("signing in with a password", () => {
  test("is slowed, and written down: once a minute, and without what may be a password", async () => {
    await using t = openTestIdentity();
    await t.users.create(ann);
    const attempt = (email: string) => codeOf(t.passwordSignIn.verify(email, "wrong password", "192.0.2.1"));
    const codes = [];
    for (let count = 0; count < 6; count++) codes.push(await attempt(ann.email));
    expect(codes).toEqual([...Array(4).fill("unauthorized"), ...Array(2).fill("too_many_requests")]);
    for (let count = 0; count < 3; count++) await attempt(`hunter${count} in the wrong field`);
    expect(await t.passwordSignIn.verify(ann.email, ann.password, "192.0.2.9")).toMatchObject({
      user: { role: "admin" },
    });
    // Whatever was to be written stands before this in the queue.
    await t.teams.create({ slug: "last" });
    using sqlite = new Sqlite(t.path, { readonly: true });
    const rows = sqlite.query("SELECT * FROM audit WHERE kind = 'session.refuse'").all();
    expect(rows).toMatchObject([
      {
        target: ann.email,
        actor_kind: "anonymous",
        address: "192.0.2.1",
        details: '{"reason":"wrong password"}',
      },
      { target: null, details: '{"reason":"wrong password","leftOut":5}' },
    ]);
    expect(JSON.stringify(rows)).not.toContain("hunter");
  });
});
