import { Database as Sqlite } from "bun:sqlite";
import { expect, setSystemTime, test } from "bun:test";
import { openTestIdentity } from "./test-identity.ts";

const day = 86_400_000;

test("a link is good for one thing, once", async () => {
  await using t = openTestIdentity();
  const secret = await t.links.create("setup", { maxAgeMs: day });
  expect(secret).toMatch(/^lrl_[0-9A-Za-z]{40}$/);
  expect(await t.links.redeem(secret, "password")).toBeUndefined();
  expect(await t.links.find(secret, "setup")).toMatchObject({ purpose: "setup", userId: null });
  const both = await Promise.all([t.links.redeem(secret, "setup"), t.beside.links.redeem(secret, "setup")]);
  expect(both.filter(Boolean)).toHaveLength(1);
  expect(await t.links.find(secret, "setup")).toBeUndefined();
});

test("a link ends when its time is over, and is then removed", async () => {
  await using t = openTestIdentity();
  const secret = await t.links.create("setup", { maxAgeMs: day });
  const now = Date.now();
  try {
    setSystemTime(now + day - 1_000);
    await t.links.removeExpired();
    expect(await t.links.find(secret, "setup")).toBeDefined();
    setSystemTime(now + day + 1_000);
    expect(await t.links.find(secret, "setup")).toBeUndefined();
    expect(await t.links.redeem(secret, "setup")).toBeUndefined();
    expect(rowsOf(t.path)).toBe(1);
    await t.links.removeExpired();
    expect(rowsOf(t.path)).toBe(0);
  } finally {
    setSystemTime();
  }
});

test("a new link takes the place of those for the same thing; those of clients stand side by side", async () => {
  await using t = openTestIdentity();
  const [ann, bob] = [
    await t.users.create({ email: "ann@example.org" }),
    await t.users.create({ email: "bob@example.org" }),
  ];
  const make = (userId: string) => t.links.create("password", { userId, maxAgeMs: day });
  const [old, ofBob, current] = [await make(ann.id), await make(bob.id), await make(ann.id)];
  const setup = [
    await t.links.create("setup", { maxAgeMs: day }),
    await t.links.create("setup", { maxAgeMs: day }),
  ] as const;
  const sso = [
    await t.links.create("sso", { userId: ann.id, maxAgeMs: day }),
    await t.links.create("sso", { userId: ann.id, maxAgeMs: day }),
  ];
  expect(await t.links.find(old, "password")).toBeUndefined();
  for (const secret of [ofBob, current]) expect(await t.links.find(secret, "password")).toBeDefined();
  expect(await t.links.find(setup[0], "setup")).toBeUndefined();
  expect(await t.links.find(setup[1], "setup")).toBeDefined();
  for (const secret of sso) expect(await t.links.find(secret, "sso")).toBeDefined();
});

test("the database does not know the secret", async () => {
  await using t = openTestIdentity();
  const secret = await t.links.create("setup", { maxAgeMs: day });
  using sqlite = new Sqlite(t.path, { readonly: true });
  expect(JSON.stringify(sqlite.query("SELECT * FROM links").all())).not.toContain(secret.slice(4));
});

function rowsOf(path: string): number {
  using sqlite = new Sqlite(path, { readonly: true });
  return (sqlite.query("SELECT count(*) AS n FROM links").get() as { n: number }).n;
}

test("whoever chooses a password, or is disabled, has no open links, nor one of a client", async () => {
  await using t = openTestIdentity();
  const [ann, bob] = await Promise.all(
    ["ann", "bob"].map((name) => t.users.create({ email: `${name}@example.org` })),
  );
  const open = (userId: string) => t.links.create("sso", { userId, maxAgeMs: day });
  const others = await open(bob?.id as string);
  for (const end of [
    () => t.users.setPassword("ann@example.org", "correct horse"),
    () => t.users.set("ann@example.org", { isDisabled: true }),
  ]) {
    const link = await open(ann?.id as string);
    await end();
    await t.users.set("ann@example.org", { isDisabled: false });
    expect(await t.links.redeem(link, "sso")).toBeUndefined();
  }
  expect(await t.links.find(others, "sso")).toBeDefined();
});
