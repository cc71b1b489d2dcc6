import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockData } from "../../src/server/data-lock.ts";
import { version } from "../../src/version.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

const create = [
  ["team", "create", "web"],
  ["token", "create", "--team", "default", "--permission", "read", "--name", "ci"],
];

describe("a data folder that is not there", () => {
  test.each(create.map((words) => ({ words })))(
    "is created by larder $words.0 create, which says so",
    async ({ words }) => {
      const args = [...words, "--data", cli.dataFolder];
      const said = `Created the data folder ${cli.dataFolder}; start the server with the same --data.\n`;
      const first = await cli.larder(args);
      expect(first.exitCode).toBe(0);
      expect(first.stderr).toStartWith(said);
      expect(await cli.json("team", "list")).toContainEqual(expect.objectContaining({ slug: "default" }));
      expect((await cli.larder(args)).stderr).not.toContain("Created the data folder");
    },
  );

  test.each([
    "du",
    "gc",
    "purge --team default --yes",
    "verify",
    "team list",
    "team show default",
    "team set default --state paused",
    "team delete web --yes",
    "token list",
    "token show tok_4fQz7Lk2mXw9RtAb",
    "token revoke tok_4fQz7Lk2mXw9RtAb",
    "token revoke tok_4fQz7Lk2mXw9RtAb --purge",
    "audit",
  ])("is refused by larder %s, which creates nothing", async (words) => {
    expect(await cli.refused(...words.split(" "))).toBe(
      `larder: There is no larder in ${cli.dataFolder}. Start it there first, or name its folder with --data.\n`,
    );
    expect(existsSync(cli.dataFolder)).toBe(false);
  });

  test.each([
    ["verify --rate fast", "--rate"],
    ["purge --team default", "Add --yes"],
    ["purge --team default --older-than soon", "--older-than"],
    ["purge --team default --scope -", "A scope has"],
    ["purge --team default --written-after tomorrow", "--written-after"],
    ["audit --since yesterday", "--since"],
    ["audit --limit 0", "--limit"],
    ["team create No_Slug", "cannot be a slug"],
    ["team create web --name \x07", "A name has"],
    ["team set default", "Nothing to change."],
    ["team set default --quota lots", "--quota"],
    ["team set default --max-age 30", "--max-age"],
    ["team set default --slug No_Slug", "cannot be a slug"],
    ["team set default --name \x07", "A name has"],
    ["token create --team default --permission read --name ci --expires 90", "--expires"],
    ["token create --team default --permission read --name \x07", "A name has"],
  ])("is not looked for by larder %j, which is wrong usage", async (words, said) => {
    const { stderr, exitCode } = await cli.larder([...words.split(" "), "--data", cli.dataFolder]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("There is no larder");
    expect(existsSync(cli.dataFolder)).toBe(false);
  });

  test("nor is one with something else in it", async () => {
    mkdirSync(cli.dataFolder);
    expect(await cli.refused("team", "list")).toContain("There is no larder in");
    expect(readdirSync(cli.dataFolder)).toEqual([]);
  });

  test("is private once it is created", async () => {
    await cli.onData("team", "create", "web");
    expect((await Bun.file(cli.dataFolder).stat()).mode & 0o777).toBe(0o700);
  });

  test("and cannot be, since it is a file or lies below one, is refused with what to do", async () => {
    const file = join(cli.cwd, "a-file");
    writeFileSync(file, "");
    for (const folder of [file, join(file, "data")]) {
      for (const words of [["team", "list"], ...create]) {
        const { stderr, exitCode } = await cli.larder([...words, "--data", folder]);
        expect(exitCode).toBe(1);
        expect(stderr).toBe(
          `larder: Cannot use the data folder ${folder}: it is a file, or lies below one. Name a folder with --data.\n`,
        );
      }
    }
  });
});

describe("a database of an older schema", () => {
  beforeEach(() => {
    mkdirSync(cli.dataFolder);
    writeFileSync(join(cli.dataFolder, "larder.db"), "");
  });

  test("is migrated by a command while no server runs", async () => {
    await cli.onData("team", "create", "web");
    expect(await cli.json("team", "show", "web")).toMatchObject({ slug: "web" });
    expect(readdirSync(cli.dataFolder)).not.toContain("server.json");
  });

  test("is left alone while one does, since that server is of another version", async () => {
    const lock = lockData(cli.dataFolder);
    try {
      for (const words of [["team", "list"], ...create]) {
        const said = await cli.refused(...words);
        expect(said).toContain(
          `The server that runs on ${cli.dataFolder} is of another version than this larder ${version}.`,
        );
        expect(said).toContain("stop the server");
      }
      expect(Bun.file(join(cli.dataFolder, "larder.db")).size).toBe(0);
    } finally {
      lock.release();
    }
  });
});
