import { Database as Sqlite } from "bun:sqlite";
import { expect, test } from "bun:test";
import { migrate } from "../../src/database/migrate.ts";
import { readMigrations } from "../../src/database/migrations.macro.ts";
import { ClientLogins } from "../../src/identity/client-logins.ts";
import { openTestIdentity } from "./test-identity.ts";

const address = "192.0.2.1";

test("a link is used up only if the token is made, and one of several at once gets it", async () => {
  await using t = openTestIdentity();
  const web = await t.teams.create({ slug: "web" });
  const ann = await t.users.create({ email: "ann@example.org" });
  const link = await new ClientLogins(t.database, 60_000).createLink(ann, web.id);
  // Nothing can be made that would have expired already.
  const unable = new ClientLogins(t.database, -1);
  expect(await unable.redeemLink(link, "laptop", address).catch(({ code }) => code)).toBe("bad_request");
  expect(await t.tokens.list({ userId: ann.id })).toEqual([]);

  const redeemed = await Promise.all(
    [t.database, t.database].map((database) =>
      new ClientLogins(database, 60_000).redeemLink(link, "laptop", address),
    ),
  );
  expect(redeemed.filter(Boolean)).toEqual([{ secret: expect.any(String), teamId: web.id }]);
  expect(await t.tokens.list({ userId: ann.id })).toMatchObject([{ name: "laptop" }]);
});

test("the token of a sign-in may use the cache, and administers neither the server nor a team, whoever's it is", async () => {
  await using t = openTestIdentity();
  const web = await t.teams.create({ slug: "web" });
  const logins = new ClientLogins(t.database, undefined);
  const admin = await t.users.create({ email: "admin@example.org", role: "admin" });
  const viewer = await t.users.create({ email: "viewer@example.org" });
  await t.members.set(web.id, viewer.id, "viewer");
  const ofAdmin = await t.authenticator.authenticate(await logins.createToken(admin, "laptop", address));
  expect(ofAdmin).toMatchObject({ isServerAdmin: false, permission: "write" });
  expect(ofAdmin?.principals.map(({ permission }) => permission)).toEqual(["write"]);
  const link = await logins.createLink(viewer, web.id);
  const { secret = "" } = (await logins.redeemLink(link, "laptop", address)) ?? {};
  const ofViewer = await t.authenticator.authenticate(secret);
  expect(ofViewer?.principals.map(({ permission }) => permission)).toEqual(["read"]);
});

test("what a sign-in had got before may no more, and what a command had made stays as it was", () => {
  const sqlite = new Sqlite(":memory:");
  const migrations = readMigrations();
  const at = migrations.findIndex(({ name }) => name.endsWith("login_permission"));
  migrate(sqlite, migrations.slice(0, at), "0.1.0");
  sqlite.run("PRAGMA foreign_keys = OFF");
  const add = (id: string, userId: string | null, permission: string, by: string) =>
    sqlite.run(
      `INSERT INTO tokens (id, name, user_id, team_id, permission, created_by, secret_sha256, scope, created_at)
       VALUES (?, 'laptop', ?, ?, ?, ?, ?, '', 1)`,
      [id, userId, userId === null ? "team_1" : null, permission, by, id],
    );
  add("login", "usr_1", "admin", "user ann@example.org");
  add("reads", "usr_1", "read", "user ann@example.org");
  add("by command", "usr_1", "admin", "command larder");
  add("of a team", null, "admin", "user ann@example.org");
  migrate(sqlite, migrations, "0.1.0");
  expect(sqlite.query("SELECT id, permission FROM tokens ORDER BY id").values()).toEqual([
    ["by command", "admin"],
    ["login", "write"],
    ["of a team", "admin"],
    ["reads", "read"],
  ]);
});
