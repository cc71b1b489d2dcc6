import { Database as Sqlite } from "bun:sqlite";
import { describe, expect, setSystemTime, test } from "bun:test";
import { openTestIdentity } from "./test-identity.ts";

describe("tokens", () => {
  test("tell who holds them, with the team as it is now", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const { secret, id } = await t.tokens.create({ teamId: team.id, name: "ci", permission: "read" });
    const holder = { name: "ci", tokenId: id, userId: null, policyId: null };
    expect(await t.authenticator.authenticate(secret)).toEqual({
      ...holder,
      owner: id,
      permission: "read",
      scope: "",
      expiresAt: null,
      isServerAdmin: false,
      principals: [{ ...holder, permission: "read", team, scope: "" }],
    });
    await t.beside.teams.set("web", { state: "paused" });
    expect((await t.authenticator.authenticate(secret))?.principals[0]?.team.state).toBe("paused");
  });

  test.each([
    ["of an administrator that may administer", "admin", "admin", "", true],
    ["of an administrator for untrusted work", "admin", "admin", "pr-1", false],
    ["of an administrator that may only write", "admin", "write", "", false],
    ["of a member", "member", "admin", "", false],
  ] as const)(
    "%s are good for the whole server or not",
    async (_, role, permission, scope, isServerAdmin) => {
      await using t = openTestIdentity();
      const user = await t.users.create({ email: "ann@example.org", role });
      const { secret, id } = await t.tokens.create({ userId: user.id, name: "own", permission });
      // None is made for a user's untrusted work.
      using beside = new Sqlite(t.path);
      beside.run("UPDATE tokens SET scope = ? WHERE id = ?", [scope, id]);
      expect((await t.authenticator.authenticate(secret))?.isServerAdmin).toBe(isServerAdmin);
    },
  );

  test("do not count for longer because something was read in the turn in which they were revoked", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const { secret, id } = await t.tokens.create({ teamId: team.id, name: "ci", permission: "write" });
    await new Promise((turned) => setImmediate(turned));
    await t.tokens.list();
    using other = new Sqlite(t.path);
    other.run("BEGIN");
    other.run("UPDATE tokens SET revoked_at = 1 WHERE id = ?", [id]);
    other.run("UPDATE versions SET version = version + 1");
    other.run("COMMIT");
    expect(await t.authenticator.authenticate(secret)).toBeUndefined();
    await new Promise((turned) => setImmediate(turned));
    expect(await t.authenticator.authenticate(secret)).toBeUndefined();
  });

  test("are stored without their secret", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const { secret } = await t.tokens.create({ teamId: team.id, name: "ci", permission: "read" });
    expect(JSON.stringify(await t.tokens.list())).not.toContain(secret.slice(4, 20));
  });

  test("count from the moment another process creates them until it revokes them", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    for (let round = 0; round < 20; round++) {
      const { secret, id } = await t.beside.tokens.create({
        teamId: team.id,
        name: "ci",
        permission: "write",
      });
      expect(await t.authenticator.authenticate(secret)).toBeDefined();
      expect(await t.authenticator.authenticate(secret)).toBeDefined();
      await t.beside.tokens.revoke(id);
      expect(await t.authenticator.authenticate(secret)).toBeUndefined();
    }
  });

  test("end when they expire, remembered or not", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const expiresAt = Date.now() + 60_000;
    const { secret } = await t.tokens.create({ teamId: team.id, name: "ci", permission: "write", expiresAt });
    try {
      setSystemTime(expiresAt - 1);
      expect(await t.authenticator.authenticate(secret)).toBeDefined();
      setSystemTime(expiresAt);
      expect(await t.authenticator.authenticate(secret)).toBeUndefined();
    } finally {
      setSystemTime();
    }
  });

  test("that nobody made are unknown", async () => {
    await using t = openTestIdentity();
    for (const secret of ["", "x", "lrd_", "lrd_00000000000000000000000000000000000000", "vca_abc"]) {
      expect(await t.authenticator.authenticate(secret)).toBeUndefined();
    }
  });

  test("are refused with an expiry that has passed, a bad name, or a team that is not there", async () => {
    await using t = openTestIdentity();
    const team = await t.teams.create({ slug: "web" });
    const good = { teamId: team.id, name: "ci", permission: "read" as const };
    for (const [bad, code] of [
      [{ ...good, expiresAt: Date.now() - 1 }, "bad_request"],
      [{ ...good, name: "" }, "bad_request"],
      [{ ...good, name: "a\nb" }, "bad_request"],
      [{ ...good, teamId: "team_x" }, "not_found"],
    ] as const) {
      expect(await t.tokens.create(bad).catch((error) => error)).toMatchObject({ code });
    }
    expect(await t.tokens.list()).toEqual([]);
  });

  test("are revoked by id, by secret, or by name within a team", async () => {
    await using t = openTestIdentity();
    const web = await t.teams.create({ slug: "web" });
    const api = await t.teams.create({ slug: "api" });
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map((name) => t.tokens.create({ teamId: web.id, name, permission: "read" })),
    );
    if (!a || !b || !c) throw new Error("three tokens");
    expect((await t.tokens.revoke(a.id)).id).toBe(a.id);
    expect((await t.tokens.revoke(b.secret)).id).toBe(b.id);
    expect(await t.tokens.revoke("c").catch((error) => error)).toMatchObject({ code: "not_found" });
    expect(await t.tokens.revoke("c", api.id).catch((error) => error)).toMatchObject({ code: "not_found" });
    expect((await t.tokens.revoke("c", web.id)).id).toBe(c.id);
    const first = (await t.tokens.list()).find((token) => token.id === a.id);
    expect(await t.tokens.revoke(a.id)).toEqual(first as NonNullable<typeof first>);
  });

  test("of one name are not revoked by it, since nobody said which", async () => {
    await using t = openTestIdentity();
    const web = await t.teams.create({ slug: "web" });
    const one = await t.tokens.create({ teamId: web.id, name: "ci", permission: "read" });
    const two = await t.tokens.create({ teamId: web.id, name: "ci", permission: "read" });
    const refused = await t.tokens.revoke("ci", web.id).catch((error) => error);
    expect(refused).toMatchObject({ code: "conflict" });
    expect(refused.message).toContain(one.id);
    await t.tokens.revoke(one.id);
    expect((await t.tokens.revoke("ci", web.id)).id).toBe(two.id);
  });
});

describe("the environment's tokens", () => {
  test("write as the default team", async () => {
    await using t = openTestIdentity(["from-the-environment", "another"]);
    expect(await t.authenticator.authenticate("another")).toBeUndefined();
    const team = await t.beside.teams.ensureDefault();
    for (const [secret, name] of [
      ["from-the-environment", "TURBO_TOKEN"],
      ["another", "TURBO_TOKEN 2"],
    ] as const) {
      const holder = { name, tokenId: null, userId: null, policyId: null };
      expect(await t.authenticator.authenticate(secret)).toEqual({
        ...holder,
        owner: name,
        permission: "write",
        scope: "",
        expiresAt: null,
        isServerAdmin: false,
        principals: [{ ...holder, permission: "write", team, scope: "" }],
      });
    }
    expect(await t.authenticator.authenticate("from-the-environmen")).toBeUndefined();
  });
});
