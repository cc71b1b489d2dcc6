import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { newSecret } from "../../src/identity/secret.ts";
import { identityBeside } from "../identity/beside.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(async () => {
  cli = openCli();
  await cli.onData("team", "create", "web");
});
afterEach(() => cli[Symbol.dispose]());

const secretPattern = /^lrd_[0-9A-Za-z]{38}$/;

function create(name: string, ...more: string[]): string[] {
  return ["token", "create", "--team", "web", "--permission", "write", "--name", name, ...more];
}

test("creating prints the secret alone, so that scripts can take it", async () => {
  const { stdout, stderr, exitCode } = await cli.larder([...create("ci"), "--data", cli.dataFolder]);
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd()).toMatch(secretPattern);
  expect(stderr).toMatch(/^Token "ci" \(tok_\w{16}\) has permission write in team web\. Keep the secret: /);
  expect(stderr).not.toContain(stdout.trimEnd());
});

test.each([
  [["--scope", "pr-7"], /in team web, scope pr-7\. Keep/],
  [["--expires", "1d"], /in team web until \d{4}-[^,]*Z\. Keep/],
  [["--scope", "pr-7", "--expires", "1d"], /in team web, scope pr-7, until \d{4}-[^,]*Z\. Keep/],
])("creating with %j says so in a sentence", async (flags, sentence) => {
  const args = [...create("said", ...flags), "--data", cli.dataFolder];
  expect((await cli.larder(args)).stderr).toMatch(sentence);
});

test("as JSON, with all there is to know", async () => {
  const before = Date.now();
  const created = await cli.json(...create("ci", "--expires", "90d"));
  expect(created).toEqual({
    token: expect.stringMatching(secretPattern),
    id: expect.stringMatching(/^tok_\w{16}$/),
    name: "ci",
    team: "web",
    teamId: expect.stringMatching(/^team_/),
    user: null,
    permission: "write",
    scope: "",
    state: "valid",
    createdAt: expect.any(String),
    createdBy: expect.stringMatching(/^command ./),
    policyId: null,
    claims: null,
    expiresAt: expect.any(String),
    revokedAt: null,
    lastUsedAt: null,
    artifacts: 0,
  });
  const lifetimeMs = Date.parse(created.expiresAt) - before;
  expect(lifetimeMs).toBeGreaterThanOrEqual(90 * 86_400_000);
  expect(lifetimeMs).toBeLessThan(90 * 86_400_000 + 60_000);
  expect((await cli.json(...create("other"))).expiresAt).toBeNull();
});

test.skipIf(!process.getuid)(
  "who made it is the user of the machine, by number where it has no name",
  async () => {
    const args = [...create("ci"), "--json", "--data", cli.dataFolder];
    const createdBy = async (env: Record<string, string>) =>
      JSON.parse((await cli.larder(args, env)).stdout).createdBy;
    expect(await createdBy({ USER: "ann" })).toBe("command ann");
    expect(await createdBy({})).toBe(`command uid ${process.getuid?.()}`);
  },
);

test("a scope is said, and an empty one is wrong usage", async () => {
  const created = await cli.json(...create("pull request", "--scope", "pr-1"));
  expect(created).toMatchObject({ scope: "pr-1", permission: "write" });
  const again = ["token", "create", "--team", "web", "--name", "pr", "--permission"];
  for (const [permission, scope, why] of [
    // A variable that was not set would make a trusted token.
    ["write", "", "--scope is empty"],
    ["write", "a b", "A scope has 1 to 100"],
    ["write", "trusted", "No scope is called"],
    ["admin", "pr-1", "A token with a scope may read or write"],
  ] as const) {
    const args = [...again, permission, "--scope", scope, "--data", cli.dataFolder];
    const { exitCode, stderr } = await cli.larder(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(why)]);
  }
});

test("listing never shows secrets, and keeps to the team if asked", async () => {
  await cli.onData("team", "create", "app");
  const { token, ...ours } = await cli.json(...create("ci"));
  const { token: other, ...theirs } = await cli.json(
    "token",
    "create",
    "--team",
    "app",
    "--permission",
    "read",
    "--name",
    "x",
  );
  const listed = [ours, theirs].map(({ team, teamId, permission, ...rest }) => ({
    ...rest,
    team,
    teamId,
    permission,
    state: "valid",
    teams: [{ team, teamId, permission }],
  }));
  expect(await cli.json("token", "list")).toEqual(listed);
  expect(await cli.json("token", "list", "--team", "app")).toEqual(listed.slice(1));
  expect(await cli.json("token", "list", "--team", ours.teamId)).toEqual(listed.slice(0, 1));
  const table = await cli.onData("token", "list");
  expect(table).toMatch(
    /\ntok_\w{16} +ci +web +write +trusted +valid +\S+Z +command \S.* +never +never +0\n/,
  );
  expect(table).not.toContain(token);
  expect(table).not.toContain(other);
});

test("the tokens of a team's people are listed with its own, with what they may do there and whether they count", async () => {
  await cli.onData("team", "create", "app");
  await cli.onData(...create("ci"));
  await using identity = identityBeside(cli.dataFolder);
  for (const [email, role] of [
    ["ann@example.org", "viewer"],
    ["bob@example.org", "admin"],
    ["cleo@example.org", "owner"],
    ["dan@example.org", "none"],
  ] as const) {
    const user = await identity.users.create({ email, ...(role === "admin" && { role }) });
    if (role === "viewer" || role === "owner")
      await identity.members.set((await identity.teams.get("web")).id, user.id, role);
    await identity.tokens.create({ userId: user.id, name: "laptop", permission: "admin" });
    if (role === "owner") await identity.users.set(email, { isDisabled: true });
  }

  const rows = async (...args: string[]) =>
    ((await cli.json("token", "list", ...args)) as TokenRow[])
      // Those of one millisecond are listed by their random ids.
      .sort((a, b) => (a.user ?? "").localeCompare(b.user ?? ""))
      .map(({ user, state, teams }) => [
        user,
        state,
        teams.map(({ team, permission }) => `${permission} in ${team}`).join(", "),
      ]);
  const ann = ["ann@example.org", "valid", "read in web"];
  const bob = ["bob@example.org", "valid", "admin in app, admin in default, admin in web"];
  const cleo = ["cleo@example.org", "disabled", "admin in web"];
  const ci = [null, "valid", "write in web"];
  expect(await rows()).toEqual([ci, ann, bob, cleo, ["dan@example.org", "valid", ""]]);
  expect(await rows("--team", "web")).toEqual([ci, ann, bob, cleo]);
  expect(await rows("--team", "app")).toEqual([bob]);
  expect(await rows("--team", "web", "--state", "valid")).toEqual([ci, ann, bob]);
  expect(await rows("--state", "disabled")).toEqual([cleo]);
  expect(await rows("--state", "revoked")).toEqual([]);
  const ofWeb = await cli.onData("token", "list", "--team", "web");
  expect(ofWeb).toMatch(/ann@example\.org's +read +trusted +valid /);
  expect(ofWeb).toMatch(/cleo@example\.org's +admin +trusted +disabled /);
  const all = await cli.onData("token", "list");
  expect(all).toMatch(/ann@example\.org's +read in web +trusted /);
  expect(all).toMatch(/bob@example\.org's +admin in every team +trusted /);
  expect(all).toMatch(/dan@example\.org's +none +trusted /);
});

interface TokenRow {
  user: string | null;
  state: string;
  teams: { team: string; permission: string }[];
}

test("revoking takes an id, a secret, or a name with its team", async () => {
  const byId = await cli.json(...create("a"));
  const bySecret = await cli.json(...create("b"));
  await cli.json(...create("c"));

  const revoked = await cli.json("token", "revoke", byId.id);
  const { revokedAt } = revoked;
  expect(revoked).toMatchObject({ id: byId.id, revokedAt: expect.any(String) });
  const said = await cli.onData("token", "revoke", bySecret.token);
  expect(said).toBe(`Revoked token "b" (${bySecret.id}) of team web.\n`);
  expect(await cli.onData("token", "revoke", byId.id)).toBe(
    `Token "a" (${byId.id}) of team web was revoked already, at ${revokedAt}.\n`,
  );
  await cli.onData("token", "revoke", "c", "--team", "web");
  expect(await cli.onData("token", "list")).not.toContain("valid");
});

test("revoking what does not exist is refused without repeating it", async () => {
  const secret = (await cli.json(...create("ci"))).token;
  await cli.onData("team", "delete", "web", "--yes");
  const said = await cli.refused("token", "revoke", secret);
  expect(said).toContain("There is no such token.");
  expect(said).not.toContain(secret);
});

test("an unknown team is refused", async () => {
  expect(await cli.refused("token", "list", "--team", "gone")).toContain('There is no team "gone".');
});

test.each([
  ["--expires", "90", "It takes a time with its unit"],
  ["--expires", "0s", "It takes a time with its unit"],
  ["--expires", "99999999d", "to 36500d"],
  ["--permission", "everything", "Allowed choices are read, write, admin."],
])("%s %s is wrong usage", async (flag, value, explanation) => {
  const { stderr, exitCode } = await cli.larder([...create("ci"), flag, value]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(explanation);
});

test("team, permission and name have to be given", async () => {
  for (const flag of ["--team", "--permission", "--name"]) {
    const args = create("ci");
    args.splice(args.indexOf(flag), 2);
    const { stderr, exitCode } = await cli.larder(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`required option '${flag}`);
  }
});

describe("testing a secret", () => {
  const testing = (secret: string, ...more: string[]) =>
    cli.larder(["token", "test", "--token-env", "SECRET", "--data", cli.dataFolder, ...more], {
      SECRET: secret,
    });

  test("tells whose it is and that it counts, from the environment or standard input, without saying it", async () => {
    const { token: secret, ...created } = await cli.json(...create("ci", "--scope", "pr-1"));
    const { stdout, stderr, exitCode } = await testing(secret);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toMatch(
      /^Id +tok_\w+\nName +ci\nHolder +team web\nPermission +write\nScope +pr-1\nState +valid\n/,
    );
    expect(stdout).not.toContain("lrd_");
    const given = await cli.larder(
      ["token", "test", "-", "--json", "--data", cli.dataFolder],
      {},
      `${secret}\n`,
    );
    expect(JSON.parse(given.stdout)).toEqual({
      problem: null,
      token: { ...created, teams: [{ team: "web", teamId: created.teamId, permission: "write" }] },
    });
  });

  test("tells why one does not count: revoked, expired, of a disabled user or team", async () => {
    const [revoked, expired, ofTeam] = [
      await cli.json(...create("revoked")),
      await cli.json(...create("expired")),
      await cli.json(...create("of the team")),
    ];
    await cli.onData("token", "revoke", revoked.id);
    await cli.onData("team", "set", "web", "--state", "paused");
    await using identity = identityBeside(cli.dataFolder);
    await identity.expireToken(expired.id);
    const ann = await identity.users.create({ email: "ann@example.org" });
    const ofUser = await identity.tokens.create({ userId: ann.id, name: "own", permission: "read" });
    const noTeam = await testing(ofUser.secret);
    expect(noTeam.stderr).toContain("Its user, ann@example.org, is in no team");
    await cli.onData("user", "set", "ann@example.org", "--state", "disabled");
    for (const [secret, problem, state] of [
      [revoked.token, "It was revoked at 2", "revoked"],
      [expired.token, "It expired at 2", "expired"],
      [ofTeam.token, 'Team "web" is paused.', "valid"],
      [ofUser.secret, "Its user, ann@example.org, is disabled.", "disabled"],
    ]) {
      const { stdout, stderr, exitCode } = await testing(secret);
      expect({ exitCode, stdout }).toEqual({
        exitCode: 1,
        stdout: expect.stringMatching(new RegExp(`State +${state}\n`)),
      });
      expect(stderr).toContain(problem);
      const asJson = JSON.parse((await testing(secret, "--json")).stdout);
      expect(asJson).toMatchObject({ problem: expect.stringContaining(problem), token: { state } });
    }
  });

  test.each([
    ["lrd_x", "mistyped, or not the whole"],
    ["lrd_0123456789abcdef0123456789abcdef000000", "mistyped, or not the whole"],
    [newSecret(), "No token that you may see has this secret"],
    ["eyJhbGciOiJSUzI1NiJ9.e30.", "test it with the CI policies"],
    ["password", "those begin with lrd_"],
    ["", "The variable that --token-env names is not set"],
  ])("of no token tells what it looks like (%s)", async (secret, explanation) => {
    const { stdout, stderr, exitCode } = await testing(secret);
    expect(stdout).toBe("");
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(explanation);
    if (secret.length > 6) expect(stderr).not.toContain(secret);
  });
});
