import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { emptyEnvironment, larderCommand } from "../larder.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeAll(() => {
  cli = openCli();
});
afterAll(() => cli[Symbol.dispose]());

describe("help and version", () => {
  test.each(["--version", "-V"])("%s prints name and version", async (flag) => {
    expect(await cli.larder([flag])).toEqual({
      stdout: `larder ${manifest.version}\n`,
      stderr: "",
      exitCode: 0,
    });
  });

  test("--help shows the commands in groups", async () => {
    const { stdout, exitCode } = await cli.larder(["--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /Server:\n {2}serve .*\n {2}config .*\n {2}stats .*\n\nStorage:\n {2}du .*\n {2}gc .*\n {2}purge .*\n {2}verify .*\n {2}verify-signature .*\n\nTeams, people and tokens:\n {2}team .*\n {2}user .*\n {2}token .*\n {2}policy .*\n {2}audit .*\n\nClients:\n {2}connect .*\n {2}exchange /,
    );
  });

  test.each([
    ["serve"],
    ["config"],
    ["stats"],
    ["du"],
    ["gc"],
    ["purge"],
    ["verify"],
    ["connect"],
    ["team"],
    ["team create"],
    ["team list"],
    ["team show"],
    ["team set"],
    ["team delete"],
    ["token"],
    ["token create"],
    ["token list"],
    ["token show"],
    ["token revoke"],
    ["policy"],
    ["policy create"],
    ["policy list"],
    ["policy delete"],
    ["policy test"],
    ["audit"],
    ["exchange"],
  ])("the help of %s has an example", async (words) => {
    const { stdout, stderr, exitCode } = await cli.larder([...words.split(" "), "--help"]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toContain(`Example:\n  larder ${words}`);
  });

  test("the help of serve lists every setting and says where else it may stand", async () => {
    const { stdout } = await cli.larder(["serve", "--help"]);
    for (const flag of ["--port", "--base-path", "--max-artifact-size", "--turbo-token", "--config"])
      expect(stdout).toContain(`  ${flag} <`);
    expect(stdout).toContain("LARDER_MAX_ARTIFACT_SIZE");
    expect(stdout).toContain("larder.toml");
  });
});

describe("larder help", () => {
  test.each(["serve", "team", "token create"])("%s prints what --help does there", async (words) => {
    const names = words.split(" ");
    const { stdout, exitCode } = await cli.larder(["help", ...names]);
    expect(exitCode).toBe(0);
    expect(stdout).toStartWith(`Usage: larder ${words} `);
    expect(stdout).toBe((await cli.larder([...names, "--help"])).stdout);
  });

  test("alone prints larder's own", async () => {
    const { stdout, exitCode } = await cli.larder(["help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe((await cli.larder(["--help"])).stdout);
  });
});

describe("wrong usage ends with 2 and a suggestion", () => {
  test.each([
    ["tema list", "larder: unknown command 'tema'\n(Did you mean team?)\nSee `larder --help`.\n"],
    ["team lst", "larder: unknown command 'lst'\n(Did you mean list?)\nSee `larder team --help`.\n"],
    ["--prot 80", "larder: unknown option '--prot'\n(Did you mean --port?)\nSee `larder serve --help`.\n"],
    [
      "config --prot=80",
      "larder: unknown option '--prot'\n(Did you mean --port?)\nSee `larder config --help`.\n",
    ],
    [
      "config all",
      "larder: too many arguments for 'config'. Expected 0 arguments but got 1: all.\nSee `larder config --help`.\n",
    ],
    ["help tokn", "larder: unknown command 'tokn'\n(Did you mean token?)\nSee `larder --help`.\n"],
    ["help team lst", "larder: unknown command 'lst'\n(Did you mean list?)\nSee `larder team --help`.\n"],
    [
      "--data x team list",
      "larder: flags go after the command, as in `larder team list --data …`.\nSee `larder --help`.\n",
    ],
    [
      "--json config",
      "larder: flags go after the command, as in `larder config --json …`.\nSee `larder --help`.\n",
    ],
    ["team show", "larder: missing required argument 'slug'\nSee `larder team show --help`.\n"],
    ["serve --port", "larder: option '--port <number>' argument missing\nSee `larder serve --help`.\n"],
  ])("larder %s", async (words, stderr) => {
    expect(await cli.larder(words.split(" "))).toEqual({ stdout: "", stderr, exitCode: 2 });
  });

  test("without repeating the value of an unknown flag, which may be a secret", async () => {
    const { stderr } = await cli.larder(["serve", "--turbo-tokn=hunter2"]);
    expect(stderr).toContain("Did you mean --turbo-token?");
    expect(stderr).not.toContain("hunter2");
  });

  test("without repeating what a flag before the command was given", async () => {
    const { stderr } = await cli.larder(["--turbo-token=hunter2", "token", "revoke", "hunter3"]);
    expect(stderr).toStartWith(
      "larder: flags go after the command, as in `larder token revoke --turbo-token …`.",
    );
    expect(stderr).not.toContain("hunter");
  });

  test("a flag's value that is called like a command is none", async () => {
    const { stderr } = await cli.larder(["--data", "team", "--port", "x"]);
    expect(stderr).toStartWith('larder: --port is "x".');
  });

  test("also where only larder's rules forbid the value, and not where something is missing", async () => {
    using other = openCli();
    await other.onData("team", "create", "web");
    const codeOf = async (...args: string[]) =>
      (await other.larder([...args, "--data", other.dataFolder])).exitCode;
    expect(await codeOf("team", "set", "web")).toBe(2);
    expect(await codeOf("team", "create", "No Slug")).toBe(2);
    expect(await codeOf("team", "show", "gone")).toBe(1);
  });
});

describe("a bad setting ends with 2, as every bad value does", () => {
  test("in one message for all of them, and no stack", async () => {
    const { stdout, stderr, exitCode } = await cli.larder(["--port", "x"], { LARDER_PRT: "1" });
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toBe(
      "larder: 2 settings are wrong:\n" +
        "  LARDER_PRT in the environment is not a setting. Did you mean LARDER_PORT?\n" +
        '  --port is "x". It takes a whole number from 0 to 65535.\n',
    );
  });

  test("in every command", async () => {
    for (const words of ["team list", "token list", "connect", "config"]) {
      const { stderr, exitCode } = await cli.larder(words.split(" "), { LARDER_LOG_LEVEL: "loud" });
      expect(exitCode).toBe(2);
      expect(stderr).toStartWith('larder: LARDER_LOG_LEVEL in the environment is "loud".');
    }
  });
});

describe("an unexpected fault ends with 1", () => {
  test("with its message and a hint, and with a stack only at level debug", async () => {
    using broken = openCli();
    await broken.onData("team", "create", "web");
    using database = new Database(join(broken.dataFolder, "larder.db"));
    database.run("ALTER TABLE teams RENAME COLUMN slug TO snail");

    const args = ["team", "list", "--data", broken.dataFolder];
    const plain = await broken.larder(args);
    expect(plain).toMatchObject({ stdout: "", exitCode: 1 });
    expect(plain.stderr).toMatch(/^larder: .*slug/);
    expect(plain.stderr).toContain("LARDER_LOG_LEVEL=debug");
    expect(plain.stderr).not.toMatch(/\n +at /);

    const debug = await broken.larder(args, { LARDER_LOG_LEVEL: "debug" });
    expect(debug.exitCode).toBe(1);
    expect(debug.stderr).toMatch(/\n +at /);
  });
});

test("a database that is none is refused with its path and what to do", async () => {
  using broken = openCli();
  await broken.onData("team", "create", "web");
  const path = join(broken.dataFolder, "larder.db");
  writeFileSync(path, "This is no database. ".repeat(500));
  const { stderr, exitCode } = await broken.larder(["team", "list", "--data", broken.dataFolder]);
  expect(exitCode).toBe(1);
  expect(stderr).toStartWith(`larder: Cannot open the database ${path}: file is not a database.`);
});

describe("no secret that stands in the wrong place is repeated", () => {
  const token = `lrd_${"0aB".repeat(12)}xx`;
  const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  let folder: Cli;
  beforeAll(async () => {
    folder = openCli();
    await folder.onData("team", "create", "web");
  });
  afterAll(() => folder[Symbol.dispose]());

  test.each([token, jwt])("%s", async (secret) => {
    for (const args of [
      ["token", "create", "--team", secret, "--permission", "read", "--name", "ci"],
      ["token", "create", "--team", "web", "--permission", "read", "--name", secret],
      ["token", "revoke", secret],
      ["purge", "--team", secret, "--dry-run"],
      ["policy", "delete", secret],
      ["policy", "test", secret],
      ["user", "set", secret, "--state", "disabled"],
      ["team", secret],
      ["config", secret],
    ]) {
      const stderr = await folder.refused(...args);
      expect(stderr).toStartWith("larder: ");
      expect(stderr).not.toContain(secret.slice(0, 10));
    }
  });

  test.each([token, jwt, "a key/of 32 bytes+and more, such as turbo wants", "deadbeef".repeat(8), "1x", ""])(
    "%p where the name of a variable belongs",
    async (secret) => {
      for (const args of [
        ["exchange", "--url", "http://127.0.0.1:9", "--required", "--token-env", secret],
        ["policy", "test", "--token-env", secret],
        ["verify-signature", "--team", "web", "--key-env", secret],
      ]) {
        const { stdout, stderr, exitCode } = await folder.larder(args);
        expect(stdout).toBe("");
        expect(stderr).toMatch(/^larder: .*--(?:token|key)-env/);
        if (secret !== "") expect(stderr).not.toContain(secret);
        const isName = /^[a-z]\w*$/.test(secret);
        expect(exitCode).toBe(isName && args[0] === "exchange" ? 1 : 2);
      }
    },
  );
});

test("a command that only prints its help creates nothing", async () => {
  await cli.larder(["team", "list", "--help"]);
  await cli.larder(["connect"]);
  expect(existsSync(join(cli.home, ".local"))).toBe(false);
});

test.skipIf(process.platform === "win32")("a reader that goes away early is no error", async () => {
  // The right side closes its end of the pipe before larder begins.
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      '{ until [ -e gone ]; do :; done; "$@" 2>errors; echo $? >code; } | { exec <&-; touch gone; }',
      "sh",
      ...larderCommand,
      "config",
    ],
    { cwd: cli.cwd, env: emptyEnvironment(cli.home) },
  );
  await child.exited;
  expect(await Bun.file(join(cli.cwd, "errors")).text()).toBe("");
  expect(await Bun.file(join(cli.cwd, "code")).text()).toBe("0\n");
});
