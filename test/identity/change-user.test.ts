import { expect, test } from "bun:test";
import { createSetupLinks } from "../../src/app/first-start.ts";
import { serverActor } from "../../src/audit/audit-log.ts";
import { audit } from "../../src/database/schema.ts";
import { changeUser } from "../../src/identity/change-user.ts";
import { getUserRow } from "../../src/identity/user-row.ts";
import { writeIdentity } from "../../src/identity/write-identity.ts";
import { openTestIdentity } from "./test-identity.ts";

test("two changes of one user at once both stay", async () => {
  await using t = openTestIdentity();
  await t.users.create({ email: "ann@example.org", role: "admin" });
  const { id } = await t.users.create({ email: "bob@example.org" });
  await Promise.all([t.users.set(id, { name: "Robert" }), t.users.set(id, { role: "admin" })]);
  expect(await t.users.get(id)).toMatchObject({ name: "Robert", role: "admin" });
});

test("whoever becomes an administrator while another change is under way counts as one", async () => {
  await using t = openTestIdentity();
  const ann = await t.users.create({ email: "ann@example.org", role: "admin" });
  const bob = await t.users.create({ email: "bob@example.org" });
  const changes = await Promise.allSettled([
    t.users.set(bob.id, { role: "admin" }),
    t.users.set(ann.id, { role: "member" }),
    t.users.set(bob.id, { role: "member" }),
    t.users.delete(bob.id),
  ]);
  expect(changes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  expect(await t.users.get(bob.id)).toMatchObject({ role: "admin" });
});

test("the audit log tells what stood there when the change was made", async () => {
  await using t = openTestIdentity();
  const { id } = await t.users.create({ email: "ann@example.org" });
  await Promise.all([
    t.users.set(id, { email: "Anna@example.org" }),
    t.users.set(id, { name: "Anna", isDisabled: true }),
    t.users.set(id, { name: "Anne" }),
    t.users.createPasswordLink(id, 60_000).catch(() => {}),
    t.users.delete(id),
  ]);
  const rows = (await t.database.read.select().from(audit)).filter(({ kind }) => kind !== "user.create");
  expect(rows.map(({ kind, target, details }) => ({ kind, target, details }))).toEqual([
    {
      kind: "user.set",
      target: "ann@example.org",
      details: { email: "anna@example.org", before: { email: "ann@example.org" } },
    },
    {
      kind: "user.set",
      target: "anna@example.org",
      details: { name: "Anna", isDisabled: true, before: { name: "ann", isDisabled: false } },
    },
    { kind: "user.set", target: "anna@example.org", details: { name: "Anne", before: { name: "Anna" } } },
    { kind: "user.delete", target: "anna@example.org", details: { id, role: "member" } },
  ]);
});

test("administrators who are disabled do not keep a larder from being set up anew", async () => {
  await using t = openTestIdentity();
  await t.users.create({ email: "ann@example.org", role: "admin" });
  const bob = await t.users.create({ email: "bob@example.org", role: "admin" });
  await t.users.set("ann@example.org", { isDisabled: true });
  expect(await createSetupLinks(t.database, ["http://larder"])).toEqual([]);
  // The provider of bob's sign-ins takes the role back.
  await writeIdentity(t.database, async (tx) => {
    await changeUser(tx, serverActor, await getUserRow(tx, bob.id), { role: "member" }, "oidc");
  });
  expect(await t.users.isSetUp()).toBe(false);
  const links = await createSetupLinks(t.database, ["http://larder", "http://192.0.2.7"]);
  const [secret, same] = links.map((link) => link.split("#")[1] as string) as [string, string];
  expect(same).toBe(secret);
  const { user: cem } = await t.users.createFirst(
    { email: "cem@example.org", password: "correct horse" },
    secret,
    null,
  );
  expect(cem.role).toBe("admin");
  expect(await t.users.isSetUp()).toBe(true);
});

test("a user, roles in teams and the link come to be together, or not at all", async () => {
  await using t = openTestIdentity();
  await t.teams.create({ slug: "web" });
  const before = await t.auditKinds();
  const ann = { email: "ann@example.org" };
  const roles = [
    { team: "web", role: "owner" },
    { team: "gone", role: "member" },
  ] as const;
  expect(await t.users.invite(ann, roles, 60_000).catch(({ message }) => message)).toContain(
    'no team "gone"',
  );
  expect(await t.users.list()).toEqual([]);
  expect(await t.auditKinds()).toEqual(before);

  const { user, linkSecret } = await t.users.invite(ann, roles.slice(0, 1), 60_000);
  expect(await t.links.find(linkSecret, "password")).toMatchObject({ userId: user.id });
  const change = { name: "Anna" };
  const other = [
    { team: "web", role: null },
    { team: "gone", role: null },
  ] as const;
  expect(await t.users.set(user.id, change, other).catch(({ code }) => code)).toBe("not_found");
  expect(await t.users.get(user.id)).toMatchObject({ name: "ann" });
  expect(await t.members.teamsOf(user.id)).toMatchObject([{ team: { slug: "web" }, role: "owner" }]);
  await t.users.set(user.id, change, other.slice(0, 1));
  expect(await t.members.teamsOf(user.id)).toEqual([]);
  expect(await t.auditKinds()).toEqual([
    ...before,
    ...["user.create", "member.set", "user.link", "user.set", "member.remove"],
  ] as never);
});
