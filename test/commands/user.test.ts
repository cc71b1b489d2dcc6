import { afterEach, beforeEach, expect, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

const publicUrl = ["--public-url", "https://cache.example.org"];
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const linkPattern = /^https:\/\/cache\.example\.org\/password#lrl_[0-9A-Za-z]{40}$/;

test("creating prints the link alone, so that scripts can take it, and says how long it works", async () => {
  await cli.onData("team", "create", "web");
  const { stdout, stderr, exitCode } = await cli.larder([
    ...["user", "create", "Ann@example.org", "--team", "web=owner", ...publicUrl, "--data", cli.dataFolder],
  ]);
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd()).toMatch(linkPattern);
  expect(stderr).toMatch(
    /^Created user ann@example\.org \(member\)\. With this link the user chooses a password\. It works once, until \S+Z\.\n$/,
  );
});

test("as JSON, with all there is to know", async () => {
  await cli.onData("team", "create", "web");
  const before = Date.now();
  const created = await cli.json(
    ...["user", "create", "ann@example.org", "--name", "Ann Archer", "--role", "admin"],
    ...["--team", "web=owner", "--team", "default=viewer", ...publicUrl],
  );
  expect(created).toEqual({
    id: expect.stringMatching(/^usr_\w{16}$/),
    email: "ann@example.org",
    name: "Ann Archer",
    role: "admin",
    state: "enabled",
    hasPassword: false,
    oidcIssuer: null,
    teams: [
      { team: "default", teamId: expect.stringMatching(/^team_/), role: "viewer" },
      { team: "web", teamId: expect.stringMatching(/^team_/), role: "owner" },
    ],
    createdAt: expect.stringMatching(isoTime),
    lastSignInAt: null,
    link: expect.stringMatching(linkPattern),
    linkExpiresAt: expect.stringMatching(isoTime),
  });
  const lifetimeMs = Date.parse(created.linkExpiresAt) - before;
  expect(Math.abs(lifetimeMs - 86_400_000)).toBeLessThan(60_000);
  const { link: _, linkExpiresAt: __, ...user } = created;
  expect(await cli.json("user", "list")).toEqual([user]);
});

test("listing shows who may do what where", async () => {
  expect(await cli.json("team", "list").catch(() => "none")).toBe("none");
  await cli.onData("user", "create", "bob@example.org", "--team", "default=member");
  await cli.onData("user", "create", "ann@example.org", "--role", "admin");
  const table = await cli.onData("user", "list");
  expect(table).toMatch(/^EMAIL +NAME +ROLE +STATE +TEAMS +LAST SIGN-IN\n/);
  expect(table).toMatch(
    /\nann@example\.org +ann +admin +enabled +- +never\nbob@example\.org +bob +member +enabled +default=member +never\n$/,
  );
});

test("setting changes what is said, and nothing else", async () => {
  await cli.onData("team", "create", "web");
  await cli.onData("user", "create", "ann@example.org", "--role", "admin");
  const bob = await cli.json("user", "create", "bob@example.org", "--team", "web=member");
  const changed = await cli.json(
    ...[
      "user",
      "set",
      "BOB@example.org",
      "--email",
      "Robert@example.org",
      "--name",
      "Robert",
      "--role",
      "admin",
    ],
    ...["--team", "web=none", "--team", "default=owner"],
  );
  expect(changed).toMatchObject({
    id: bob.id,
    email: "robert@example.org",
    name: "Robert",
    role: "admin",
    teams: [{ team: "default", role: "owner" }],
  });
  expect(await cli.onData("user", "set", bob.id, "--state", "disabled")).toBe(
    "Changed user robert@example.org.\n",
  );
  expect(await cli.json("user", "set", bob.id, "--team", "web=viewer")).toMatchObject({
    state: "disabled",
    role: "admin",
    teams: [
      { team: "default", role: "owner" },
      { team: "web", role: "viewer" },
    ],
  });
});

test("a new link takes the place of the one before, and a disabled user gets none", async () => {
  await cli.onData("user", "create", "ann@example.org", "--role", "admin");
  await cli.onData("user", "create", "bob@example.org");
  const links = () => rowsOf<{ secret_sha256: string }>(cli.dataFolder, "SELECT * FROM links");
  expect(links()).toHaveLength(2);
  const { link, ...said } = await cli.json("user", "reset-link", "bob@example.org", ...publicUrl);
  expect(said).toEqual({ email: "bob@example.org", linkExpiresAt: expect.stringMatching(isoTime) });
  expect(links()).toHaveLength(2);
  expect(JSON.stringify(links())).toContain(
    new Bun.CryptoHasher("sha256").update(link.split("#")[1]).digest("hex"),
  );
  await cli.onData("user", "set", "bob@example.org", "--state", "disabled");
  expect(await cli.refused("user", "reset-link", "bob@example.org")).toContain("--state enabled");
});

test("a link names the running server, and without one its address is called a guess", async () => {
  await using larder = await startLarder();
  const beside = await larder.cli("user", "create", "ann@example.org");
  expect(beside.stdout).toStartWith(`${larder.url}/password#lrl_`);
  expect(beside.stderr).not.toContain("guess");
  await larder.stop();
  const alone = await larder.cli("user", "reset-link", "ann@example.org");
  expect(alone.stdout).toMatch(/^http:\/\/\S+:5273\/password#lrl_\w{40}\n$/);
  expect(alone.stderr).toContain("is a guess");
});

test("deleting wants --yes", async () => {
  await cli.onData("user", "create", "ann@example.org");
  const said = await cli.refused("user", "delete", "ann@example.org");
  expect(said).toContain("Nothing was deleted. Add --yes");
  expect(await cli.json("user", "list")).toHaveLength(1);
  expect(await cli.onData("user", "delete", "ANN@example.org", "--yes")).toBe(
    "Deleted user ann@example.org.\n",
  );
  expect(await cli.json("user", "list")).toEqual([]);
});

test("the last administrator stays one", async () => {
  await cli.onData("user", "create", "ann@example.org", "--role", "admin");
  for (const change of [
    ["set", "--role", "member"],
    ["set", "--state", "disabled"],
    ["delete", "--yes"],
  ]) {
    const [name, ...flags] = change as [string, ...string[]];
    expect(await cli.refused("user", name, "ann@example.org", ...flags)).toContain(
      "is the last administrator",
    );
  }
});

test.each([
  [["create", "ann"], 2, "no e-mail address"],
  [["create", "ann@example.org", "--role", "owner"], 2, "Allowed choices are admin, member."],
  [["create", "ann@example.org", "--team", "web"], 2, "It takes a team and a role"],
  [["create", "ann@example.org", "--team", "web=boss"], 2, "web=owner, web=member, web=viewer or web=none"],
  [["create", "ann@example.org", "--team", "web=owner"], 1, 'There is no team "web".'],
  [["create", "bob@example.org"], 1, "There is a user bob@example.org already."],
  [["set", "bob@example.org"], 2, "Nothing to change."],
  [["set", "bob@example.org", "--name", ""], 2, "A name has 1 to 100 characters"],
  [["set", "gone@example.org", "--name", "X"], 1, 'There is no user "gone@example.org".'],
  [["reset-link", "gone@example.org"], 1, 'There is no user "gone@example.org".'],
  [["delete", "gone@example.org", "--yes"], 1, 'There is no user "gone@example.org".'],
] as const)("%j ends with %d", async (args, code, explanation) => {
  await cli.onData("user", "create", "bob@example.org");
  const { stdout, stderr, exitCode } = await cli.larder(["user", ...args, "--data", cli.dataFolder]);
  expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
  expect(stderr).toContain(explanation);
  // Nothing of it is done by halves.
  expect(await cli.json("user", "list")).toMatchObject([
    { email: "bob@example.org", name: "bob", teams: [] },
  ]);
});

test("who gave out a link, and who changed what, is written down", async () => {
  await cli.onData("user", "create", "ann@example.org", "--role", "admin", "--team", "default=owner");
  await cli.onData("user", "reset-link", "ann@example.org");
  const rows = rowsOf<{ kind: string; actor_kind: string; target: string }>(
    cli.dataFolder,
    "SELECT kind, actor_kind, target FROM audit WHERE kind LIKE 'user.%' OR kind LIKE 'member.%' ORDER BY id",
  );
  expect(rows).toEqual(
    ["user.create", "member.set", "user.link", "user.link"].map((kind) => ({
      kind,
      actor_kind: "command",
      target: "ann@example.org",
    })),
  );
});
