import { Database as Sqlite } from "bun:sqlite";
import { expect, setSystemTime, test } from "bun:test";
import { userActor } from "../../src/identity/sessions.ts";
import { openTestIdentity } from "./test-identity.ts";
import { vouchedFor } from "./vouched-for.ts";

const day = 86_400_000;
const place = { address: "192.0.2.1", client: "Browser/1.0" };

test("a session tells who is signed in, and where", async () => {
  await using t = openTestIdentity();
  const user = await t.users.create({ email: "ann@example.org" });
  const secret = await t.sessions.open(vouchedFor(user), place, day);
  expect(secret).toMatch(/^lrs_[0-9A-Za-z]{40}$/);
  const found = await t.beside.sessions.find(secret);
  expect(found?.user).toEqual(await t.users.get(user.id));
  expect(found?.user.lastSignInAt).toBeGreaterThanOrEqual(user.createdAt);
  expect(found?.session).toMatchObject({ userId: user.id, ...place });
  for (const wrong of ["", "lrs_", secret.slice(0, -1), `${secret}x`, secret.toLowerCase()])
    expect(await t.sessions.find(wrong)).toBeUndefined();
});

test("a session ends when its time is over, and is then removed", async () => {
  await using t = openTestIdentity();
  const user = await t.users.create({ email: "ann@example.org" });
  const secret = await t.sessions.open(vouchedFor(user), place, day);
  const { expiresAt } = (await t.sessions.find(secret))?.session ?? { expiresAt: 0 };
  try {
    setSystemTime(expiresAt - 1);
    await t.sessions.removeExpired();
    expect(await t.sessions.find(secret)).toBeDefined();
    setSystemTime(expiresAt);
    expect(await t.sessions.find(secret)).toBeUndefined();
    expect(await t.sessions.list(user.id)).toEqual([]);
    expect(rowsOf(t.path, "sessions")).toHaveLength(1);
    await t.sessions.removeExpired();
    expect(rowsOf(t.path, "sessions")).toHaveLength(0);
  } finally {
    setSystemTime();
  }
});

test("signing out ends one session, or all of one user", async () => {
  await using t = openTestIdentity();
  const [ann, bob] = [
    await t.users.create({ email: "ann@example.org" }),
    await t.users.create({ email: "bob@example.org" }),
  ];
  const [one, two, three] = [
    await t.sessions.open(vouchedFor(ann), place, day),
    await t.sessions.open(vouchedFor(ann), { address: null, client: "x".repeat(1_000) }, day),
    await t.sessions.open(vouchedFor(ann), place, day),
  ];
  const ofBob = await t.sessions.open(vouchedFor(bob), place, day);
  expect((await t.sessions.list(ann.id, two)).map(({ isCurrent }) => isCurrent).sort()).toEqual([
    false,
    false,
    true,
  ]);
  expect((await t.sessions.list(ann.id, two)).find(({ isCurrent }) => isCurrent)?.client).toHaveLength(200);

  await t.sessions.close(one, userActor(ann, null));
  expect(await t.sessions.find(one)).toBeUndefined();
  expect(await t.sessions.find(two)).toBeDefined();
  await t.beside.sessions.closeAll(ann.id, userActor(ann, null));
  for (const secret of [two, three]) expect(await t.sessions.find(secret)).toBeUndefined();
  expect(await t.sessions.find(ofBob)).toBeDefined();

  const kinds = rowsOf(t.path, "audit").map(({ kind, actor_name }) => `${kind} ${actor_name}`);
  expect(kinds.slice(2)).toEqual([
    ...Array(3).fill("session.open ann@example.org"),
    "session.open bob@example.org",
    "session.close ann@example.org",
    "session.close-all ann@example.org",
  ]);
});

test("another process that disables or deletes a user ends the sessions with that", async () => {
  await using t = openTestIdentity();
  const user = await t.users.create({ email: "ann@example.org" });
  const before = await t.sessions.open(vouchedFor(user), place, day);
  await t.beside.users.set(user.id, { isDisabled: true });
  expect(await t.sessions.find(before)).toBeUndefined();
  await t.beside.users.set(user.id, { isDisabled: false });
  expect(await t.sessions.find(before)).toBeUndefined();
  const after = await t.sessions.open(vouchedFor(user), place, day);
  expect(await t.sessions.find(after)).toBeDefined();
  await t.beside.users.delete(user.id);
  expect(await t.sessions.find(after)).toBeUndefined();
});

test("the database does not know the secret", async () => {
  await using t = openTestIdentity();
  const secret = await t.sessions.open(
    vouchedFor(await t.users.create({ email: "ann@example.org" })),
    place,
    day,
  );
  for (const table of ["sessions", "audit"])
    expect(JSON.stringify(rowsOf(t.path, table))).not.toContain(secret.slice(4));
});

function rowsOf(path: string, table: string): Record<string, unknown>[] {
  using sqlite = new Sqlite(path, { readonly: true });
  return sqlite.query(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
}
