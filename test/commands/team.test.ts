import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test("a team is created, listed, shown, changed and deleted", async () => {
  const created = await cli.json("team", "create", "web", "--name", "Web team", "--overwrite", "never");
  expect(created).toEqual({
    id: expect.stringMatching(/^team_[0-9A-Za-z]{24}$/),
    slug: "web",
    name: "Web team",
    state: "enabled",
    overwrite: "never",
    requireTag: false,
    anonymousRead: false,
    quotaBytes: null,
    quotaRule: "evict",
    maxAgeMs: null,
    usedBytes: 0,
    createdAt: expect.stringMatching(isoTime),
  });
  expect(await cli.json("team", "list")).toEqual([expect.objectContaining({ slug: "default" }), created]);
  expect(await cli.json("team", "show", "web")).toEqual({
    ...created,
    artifacts: 0,
    sizeBytes: 0,
    validTokens: 0,
  });

  const changed = await cli.json(
    "team",
    "set",
    "web",
    "--slug",
    "site",
    "--state",
    "paused",
    "--overwrite",
    "allow",
  );
  expect(changed).toEqual({ ...created, slug: "site", state: "paused", overwrite: "allow" });
  expect(await cli.json("team", "list")).toEqual([expect.objectContaining({ slug: "default" }), changed]);

  expect(await cli.json("team", "delete", "site", "--yes")).toEqual(changed);
  expect(await cli.json("team", "list")).toHaveLength(1);
});

test("a team's id does wherever its slug does", async () => {
  const { id } = await cli.json("team", "create", "web");
  expect(await cli.json("team", "show", id)).toMatchObject({ slug: "web" });
  expect(await cli.json("team", "set", id, "--name", "New")).toMatchObject({ id, name: "New" });
  expect(await cli.json("team", "delete", id, "--yes")).toMatchObject({ id });
});

test("without --json, people can read it", async () => {
  expect(await cli.onData("team", "create", "web")).toMatch(/^Created team web \(team_\w{24}\)\.\n$/);
  await cli.onData("team", "set", "web", "--quota", "20GiB", "--quota-rule", "refuse", "--max-age", "30d");
  await cli.onData("team", "set", "web", "--require-tag", "on", "--anonymous-read", "on");
  const [head, other, row] = (await cli.onData("team", "list")).split("\n");
  expect(head).toMatch(
    /^SLUG +NAME +STATE +OVERWRITE +REQUIRE TAG +ANONYMOUS READ +QUOTA +MAX AGE +CREATED +ID$/,
  );
  expect(row).toMatch(/^web +web +enabled +allow +on +on +20GiB \(refuse\) +30d +\S+Z +team_\w{24}$/);
  expect(other).toMatch(/^default .* allow +off +off +none +the server's +\S+Z /);
  expect(row?.indexOf("enabled")).toBe(head?.indexOf("STATE") as number);
  expect(await cli.onData("team", "show", "web")).toContain("\nAnonymous read  on\n");
});

test("only tokens that are still valid are counted", async () => {
  for (const name of ["a", "b", "c"]) {
    await cli.onData("token", "create", "--team", "default", "--permission", "read", "--name", name);
  }
  await cli.onData("token", "revoke", "b", "--team", "default");
  expect(await cli.json("team", "show", "default")).toMatchObject({ validTokens: 2 });
  expect(await cli.onData("team", "show", "default")).toContain("\nValid tokens    2\n");
});

test("deleting wants --yes, and says before what would go", async () => {
  await cli.onData("team", "create", "web");
  await cli.onData("token", "create", "--team", "web", "--permission", "read", "--name", "ci");
  const said = await cli.refused("team", "delete", "web");
  expect(said).toMatch(
    /^larder: This would delete team web \(team_\w+\) with 0 artifacts \(0B\), 1 valid token and all its runs and figures\./,
  );
  expect(said).toContain("Nothing was deleted. Add --yes");
  expect(await cli.json("team", "list")).toHaveLength(2);

  expect(await cli.onData("team", "delete", "web", "--yes")).toMatch(
    /^Deleted team web .* 1 valid token\.\n$/,
  );
  expect(await cli.json("token", "list")).toEqual([]);
});

test("what cannot be is refused with what to do", async () => {
  await cli.onData("team", "create", "web");
  expect(await cli.refused("team", "create", "web")).toContain('There is a team "web" already.');
  expect(await cli.refused("team", "create", "No Slug")).toContain("cannot be a slug");
  expect(await cli.refused("team", "show", "gone")).toContain('There is no team "gone".');
  expect(await cli.refused("team", "set", "web")).toContain("Nothing to change.");
});

test("a state or rule that does not exist is wrong usage", async () => {
  const { stderr, exitCode } = await cli.larder(["team", "set", "web", "--state", "asleep"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("Allowed choices are enabled, disabled, over_limit, paused, blocked.");
});
