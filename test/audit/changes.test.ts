import { expect, test } from "bun:test";
import { type Actor, AuditLog, serverActor } from "../../src/audit/audit-log.ts";
import { Members } from "../../src/identity/members.ts";
import { Sessions, userActor } from "../../src/identity/sessions.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { vouchedFor } from "../identity/vouched-for.ts";
import { ann, openTestAudit } from "./test-audit.ts";

const root: Actor = { kind: "command", id: null, name: "root", address: null };
const place = { address: "192.0.2.9", client: "Firefox" };

function servicesOf(t: ReturnType<typeof openTestAudit>, by: Actor) {
  return {
    teams: new Teams(t.database, by),
    tokens: new Tokens(t.database, by),
    users: new Users(t.database, by),
    members: new Members(t.database, by),
    sessions: new Sessions(t.database),
  };
}

/** What `change` adds to the log. */
async function added(t: ReturnType<typeof openTestAudit>, change: () => Promise<unknown>) {
  const before = (await t.rows()).length;
  await change().catch(() => {});
  return (await t.rows()).slice(before);
}

test("each change is written down once, with who made it and what changed", async () => {
  await using t = openTestAudit();
  const { teams, tokens, users, members, sessions } = servicesOf(t, ann);
  const expectRow = async (change: () => Promise<unknown>, row: Record<string, unknown>, by: Actor = ann) => {
    expect(await added(t, change)).toMatchObject([
      { ...row, actorKind: by.kind, actorId: by.id, actorName: by.name, address: by.address },
    ]);
  };

  await expectRow(() => teams.ensureDefault(), { kind: "team.create", target: "default" });
  await expectRow(() => teams.create({ slug: "web" }), { kind: "team.create", target: "web" });
  const team = await teams.get("web");
  await expectRow(() => teams.set("web", { slug: "app", state: "paused" }), {
    kind: "team.set",
    teamId: team.id,
    target: "web",
    details: { slug: "app", state: "paused", before: { slug: "web", state: "enabled" } },
  });
  await expectRow(
    () => users.create({ email: "Bea@example.org", role: "admin", password: "correct horse" }),
    {
      kind: "user.create",
      target: "bea@example.org",
      details: { role: "admin" },
    },
  );
  await expectRow(() => users.create({ email: "cem@example.org" }), { kind: "user.create" });
  const cem = await users.get("cem@example.org");
  await expectRow(() => users.set("cem@example.org", { role: "admin", isDisabled: true }), {
    kind: "user.set",
    target: "cem@example.org",
    details: { role: "admin", isDisabled: true, before: { role: "member" } },
  });
  await expectRow(() => users.set("cem@example.org", { isDisabled: false }), { kind: "user.set" });
  await expectRow(() => users.setPassword("cem@example.org", "battery staple"), {
    kind: "user.password",
    target: "cem@example.org",
  });
  await expectRow(() => users.createPasswordLink("cem@example.org", 1_000), { kind: "user.link" });
  const link = await users.createPasswordLink("cem@example.org", 60_000);
  await expectRow(
    () => users.setPasswordByLink(link, "staple battery", place.address),
    { kind: "user.password", target: "cem@example.org" },
    userActor(cem, place.address),
  );
  await expectRow(() => members.set(team.id, cem.id, "member"), {
    kind: "member.set",
    teamId: team.id,
    target: "cem@example.org",
    details: { team: "app", role: "member", source: "manual" },
  });
  await expectRow(() => members.set(team.id, cem.id, "owner"), {
    details: { role: "owner", before: "member" },
  });
  await expectRow(() => members.set(team.id, cem.id, null), {
    kind: "member.remove",
    details: { before: "owner" },
  });
  await expectRow(
    () => sessions.open(vouchedFor(cem), place, 1_000),
    { kind: "session.open", target: cem.email },
    userActor(cem, place.address),
  );
  await expectRow(() => sessions.closeAll(cem.id, ann), {
    kind: "session.close-all",
    target: cem.email,
    details: { sessions: 1 },
  });
  const secret = await sessions.open(vouchedFor(cem), place, 1_000);
  await expectRow(() => sessions.close(secret, ann), { kind: "session.close", target: cem.email });
  await expectRow(() => tokens.create({ teamId: team.id, name: "ci", permission: "write", scope: "pr-1" }), {
    kind: "token.create",
    teamId: team.id,
    details: { name: "ci", permission: "write", scope: "pr-1" },
  });
  const [token] = await tokens.list({ teamId: team.id });
  await expectRow(() => tokens.revoke(token?.id as string), {
    kind: "token.revoke",
    teamId: team.id,
    target: token?.id,
    details: { name: "ci" },
  });
  await expectRow(() => users.delete("cem@example.org"), { kind: "user.delete", target: "cem@example.org" });
  await expectRow(() => teams.delete("app", async () => {}), { kind: "team.delete", target: "app" });
});

test("what was refused, or changes nothing, leaves no row", async () => {
  await using t = openTestAudit();
  const { teams, tokens, users, members, sessions } = servicesOf(t, root);
  const team = await teams.ensureDefault();
  const bea = await users.create({ email: "bea@example.org", role: "admin" });
  await members.set(team.id, bea.id, "member", "oidc");
  const { id } = await tokens.create({ teamId: team.id, name: "ci", permission: "read" });
  await tokens.revoke(id);
  const nothing: (() => Promise<unknown>)[] = [
    () => teams.ensureDefault(),
    () => teams.create({ slug: "default" }),
    () => teams.create({ slug: "No" }),
    () => teams.set("default", { slug: "other" }),
    () => teams.set("gone", { state: "paused" }),
    () => teams.delete("default", async () => {}),
    () => users.create({ email: "bea@example.org" }),
    () => users.createFirst({ email: "cem@example.org" }, "lrl_unknown", null),
    () => users.setPasswordByLink("lrl_unknown", "battery staple", null),
    () => users.createPasswordLink("gone@example.org", 1_000),
    () => users.set("bea@example.org", { role: "member" }),
    () => users.set("bea@example.org", { isDisabled: true }),
    () => users.delete("bea@example.org"),
    () => users.setPassword("bea@example.org", "short"),
    () => members.set(team.id, bea.id, "member", "oidc"),
    () => members.set(team.id, "usr_gone", "member"),
    () => members.set("team_gone", bea.id, null),
    () => sessions.close("lrs_unknown", root),
    () => sessions.closeAll(bea.id, root),
    () => tokens.create({ teamId: "team_gone", name: "ci", permission: "read" }),
    () => tokens.create({ teamId: team.id, name: "ci", permission: "admin", scope: "pr-1" }),
    () => tokens.revoke(id),
    () => tokens.revoke("tok_gone"),
  ];
  for (const change of nothing)
    expect({ change: `${change}`, rows: await added(t, change) }).toMatchObject({ rows: [] });
  await members.set(team.id, bea.id, null);
  expect(await added(t, () => members.set(team.id, bea.id, null))).toEqual([]);
});

test("of the same change many times at once, each that happened has one row", async () => {
  await using t = openTestAudit();
  const all = Array.from({ length: 10 }, (_, index) => servicesOf(t, { ...root, name: `root${index}` }));
  const team = await new Teams(t.database, serverActor).ensureDefault();
  const { id } = await new Tokens(t.database, serverActor).create({
    teamId: team.id,
    name: "ci",
    permission: "read",
  });
  await Promise.allSettled(all.map(({ teams }) => teams.create({ slug: "web" })));
  await Promise.allSettled(all.map(({ tokens }) => tokens.revoke(id)));
  await Promise.allSettled(all.map(({ teams }) => teams.delete("web", async () => {})));
  const log = new AuditLog(t.database);
  for (const kind of ["token.revoke", "team.delete"])
    expect((await log.list({ kind })).items).toHaveLength(1);
  expect((await log.list({ kind: "team.create", target: "web" })).items).toHaveLength(1);
});
