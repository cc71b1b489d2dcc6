import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { connectText } from "../../src/admin/connect-lines.ts";
import { lockData } from "../../src/server/data-lock.ts";
import { startLarder } from "../larder.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

async function apiOf(args: string[], env: Record<string, string> = {}): Promise<string | undefined> {
  const { stdout } = await cli.larder(["connect", "--data", cli.dataFolder, ...args], env);
  return /export TURBO_API="(.*)"/.exec(stdout)?.[1];
}

test("the lines are for the shell, turbo.json and GitHub Actions", async () => {
  const { stdout, exitCode } = await cli.larder([
    "connect",
    "--team",
    "web",
    "--url",
    "https://cache.example.com/",
  ]);
  expect(exitCode).toBe(0);
  const turbo = connectText({ url: "https://cache.example.com", networkUrls: [], teamSlug: "web" });
  expect(stdout).toBe(`${turbo}
CI jobs need no stored secret with a policy, such as:

  larder policy create --team web --provider github --repository acme/web
`);
  expect(stdout).toContain('export TURBO_TOKEN="<your token>"');
  const block = /"remoteCache": (\{[^}]*\})/.exec(stdout)?.[1] as string;
  expect(JSON.parse(block)).toEqual({ apiUrl: "https://cache.example.com", teamSlug: "web" });
  const workflow = Bun.YAML.parse(/^ {2}env:\n(?: {4}.*\n)+/m.exec(stdout)?.[0] as string);
  expect(workflow).toEqual({
    env: {
      TURBO_API: "https://cache.example.com",
      TURBO_TEAM: "web",
      TURBO_TOKEN: `\${{ secrets.TURBO_TOKEN }}`,
    },
  });
});

test("the lines for turbo login have both addresses that it needs", () => {
  const lines = connectText({ url: "https://cache.example.com/x", networkUrls: [], teamSlug: "web" });
  expect(lines).toEndWith(
    [
      '  export TURBO_API="https://cache.example.com/x"',
      '  export TURBO_LOGIN="https://cache.example.com/x"',
      "  turbo login",
      "  turbo link",
      "",
      "`turbo login --manual` asks for the URL, the team and a token instead.",
      "",
    ].join("\n"),
  );
});

test("where the team has CI policies, what to paste into their jobs comes after, as when they were created", async () => {
  await cli.onData("team", "create", "web");
  const policy = ["policy", "create", "--team", "web", "--provider", "buildkite"];
  const created = await cli.onData(...policy, "--organization", "acme", "--pipeline", "web");
  const [, lines] = created.split("with the audience larder.\n");
  expect(lines).toContain("--team web --audience larder --format export");
  expect(await cli.onData("connect", "--team", "web")).toEndWith(`a token instead.\n${lines}`);
  expect(await cli.onData("connect")).toEndWith(
    "larder policy create --team default --provider github --repository acme/web\n",
  );
});

test("as JSON, for scripts", async () => {
  await cli.onData("team", "create", "web");
  expect(await cli.json("connect", "--team", "web", "--url", "https://cache.example.com/")).toEqual({
    url: "https://cache.example.com",
    networkUrls: [],
    team: "web",
    isGuess: false,
  });
  expect(await cli.json("connect")).toMatchObject({ team: "default", isGuess: true });
});

test("the secret, where there is one, stands in the shell's line only", () => {
  const lines = connectText({
    url: "http://localhost:5273",
    networkUrls: [],
    teamSlug: "default",
    token: "lrd_x",
  });
  expect(lines.split("lrd_x")).toHaveLength(2);
  expect(lines).toContain('export TURBO_TOKEN="lrd_x"');
});

test("what other machines use never says localhost, where the machine has another name", () => {
  const lines = connectText({
    url: "http://localhost:5273",
    networkUrls: ["http://192.0.2.1:5273", "http://192.0.2.2:5273"],
    teamSlug: "default",
  });
  const [shell, elsewhere] = lines.split("Or in turbo.json");
  expect(shell).toContain('export TURBO_API="http://localhost:5273"');
  expect(shell).toContain("\nFrom other machines: http://192.0.2.1:5273, http://192.0.2.2:5273\n");
  expect(elsewhere).not.toContain("localhost");
  expect(elsewhere).toContain('"apiUrl": "http://192.0.2.1:5273"');
  expect(elsewhere).toContain('TURBO_API: "http://192.0.2.1:5273"');
});

describe("the URL", () => {
  test("is that of the settings if no server runs", async () => {
    expect(await apiOf([])).toBe("http://localhost:5273");
    expect(await apiOf([], { LARDER_PORT: "80", LARDER_BASE_PATH: "/cache" })).toBe(
      "http://localhost:80/cache",
    );
  });

  test("is the running server's", async () => {
    await using server = await startLarder({ dataFolder: cli.dataFolder, args: ["--base-path", "/cache"] });
    expect(await apiOf([])).toBe(server.url);
  });

  test("is not that of a server that has crashed", async () => {
    await using server = await startLarder({ dataFolder: cli.dataFolder });
    await server.kill();
    expect(await apiOf([])).toBe("http://localhost:5273");
  });

  test("is the public one before any of those, and --url before all", async () => {
    mkdirSync(cli.dataFolder);
    const lock = lockData(cli.dataFolder);
    lock.announce("http://localhost:1");
    const env = { LARDER_PUBLIC_URL: "https://public.example.com" };
    const urls = [
      await apiOf([]),
      await apiOf([], env),
      await apiOf(["--url", "https://named.example.com"], env),
    ];
    lock.release();
    expect(urls).toEqual(["http://localhost:1", "https://public.example.com", "https://named.example.com"]);
  });

  test("is said to be a guess if it is one, and how to give it", async () => {
    const { stderr } = await cli.larder(["connect", "--data", cli.dataFolder]);
    expect(stderr).toBe(
      `No server runs on ${cli.dataFolder}, so the URL is a guess from the settings. ` +
        "Start the server first, or give the URL with --url.\n",
    );
    for (const args of [
      ["connect", "--url", "http://x"],
      ["connect", "--config", "public.toml"],
    ]) {
      await Bun.write(`${cli.cwd}/public.toml`, 'publicUrl = "http://x"');
      expect((await cli.larder(args)).stderr).toBe("");
    }
  });

  test("has to be one", async () => {
    const { stderr, exitCode } = await cli.larder(["connect", "--url", "cache.example.com"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("It takes an http or https URL");
  });
});

describe("the team", () => {
  test("is shown by its slug, whether that or the id was given", async () => {
    const { id } = await cli.json("team", "create", "web");
    for (const team of ["web", id])
      expect(await cli.onData("connect", "--team", team)).toContain('export TURBO_TEAM="web"');
  });

  test("must exist, unless the URL leads to another larder", async () => {
    await cli.onData("team", "create", "web");
    expect(await cli.refused("connect", "--team", "gone")).toContain('There is no team "gone".');
    expect(await cli.onData("connect", "--team", "gone", "--url", "http://x")).toContain('TURBO_TEAM="gone"');
  });
});

test.each([
  ["--url", "http://cache.example.com/$(id)"],
  ["--team", '"; id; echo "'],
])("nothing that a shell would run is printed (%s %s)", async (flag, value) => {
  const args = ["connect", "--url", "http://cache.example.com", flag, value, "--data", cli.dataFolder];
  const { stdout, exitCode } = await cli.larder(args);
  expect(stdout).toBe("");
  expect(exitCode).not.toBe(0);
});
