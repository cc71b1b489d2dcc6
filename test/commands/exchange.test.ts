import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { startGithubJob } from "../action/github-job.ts";
import { githubPullRequest } from "../identity/test-issuer.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { startTrustingLarder, type TrustingLarder } from "../trusting-larder.ts";
import { type Cli, openCli } from "./cli.ts";

let larder: TrustingLarder;
let cli: Cli;
beforeAll(async () => {
  larder = await startTrustingLarder();
});
afterAll(() => larder[Symbol.asyncDispose]());
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

const exchange = (args: string[], env: Record<string, string> = {}) =>
  cli.larder(["exchange", ...args], { TURBO_API: larder.url, ...env });
const secretOf = (text: string) => /lrd_\w{38}/.exec(text)?.[0] as string;

describe("what is printed", () => {
  test("is what turbo needs, as lines of a file, and works", async () => {
    const { stdout, stderr, exitCode } = await exchange([], { LARDER_ID_TOKEN: await larder.jobToken() });
    const secret = secretOf(stdout);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`TURBO_API=${larder.url}\nTURBO_TEAM=default\nTURBO_TOKEN=${secret}\n`);
    expect(stderr).toBe("larder: token for 60 min: team default, permission write, trust trusted\n");
    expect((await new TurboClient(larder.url, secret).put("abc", "bytes")).status).toBe(202);
    // It is the job's half, on a machine where no larder is.
    expect(existsSync(join(cli.home, ".local"))).toBe(false);
  });

  test.skipIf(process.platform === "win32")("may be read by a shell", async () => {
    const env = { LARDER_ID_TOKEN: await larder.jobToken() };
    const { stdout } = await exchange(["--format", "export", "--url", `${larder.url}/`], env);
    const shell = Bun.spawnSync(["sh", "-c", `${stdout}\nprintf '%s %s' "$TURBO_API" "$TURBO_TEAM"`]);
    expect(shell.stdout.toString()).toBe(`${larder.url} default`);
  });

  test("may be JSON", async () => {
    const { stdout } = await exchange(["--json"], {
      LARDER_ID_TOKEN: await larder.jobToken(githubPullRequest),
    });
    expect(JSON.parse(stdout)).toEqual({
      TURBO_API: larder.url,
      TURBO_TEAM: "default",
      TURBO_TOKEN: secretOf(stdout),
      permission: "write",
      trust: "pr-acme.2Fweb-12",
      expiresInSeconds: 3600,
    });
  });

  test("may go to the next steps of a job on GitHub, hidden from its log", async () => {
    using job = startGithubJob(join(cli.home, "job"), larder.issuer);
    const { stdout } = await exchange(["--format", "github"], job.env);
    const { TURBO_TOKEN: secret, ...others } = job.variables();
    expect(others).toEqual({ BEFORE: "1", TURBO_API: larder.url, TURBO_TEAM: "default" });
    expect(stdout).toBe(`::add-mask::${secret}\n`);
    expect(job.audiences).toEqual([larder.url]);
  });
});

describe("the job's own token comes", () => {
  test("from GitHub", async () => {
    using job = startGithubJob(join(cli.home, "job"), larder.issuer, githubPullRequest);
    expect((await exchange([], job.env)).stderr).toContain("trust pr-acme.2Fweb-12");
    await exchange(["--audience", "other"], job.env);
    expect(job.audiences).toEqual([larder.url, "other"]);
  });

  test("from GitLab and CircleCI in a variable, and in any other that is named", async () => {
    const token = await larder.jobToken();
    for (const [args, env] of [
      [[], { GITLAB_CI: "true", LARDER_ID_TOKEN: token }],
      [[], { CIRCLECI: "true", CIRCLE_OIDC_TOKEN_V2: token }],
      [["--token-env", "MINE"], { MINE: token, LARDER_ID_TOKEN: "not this one" }],
    ] as [string[], Record<string, string>][])
      expect(secretOf((await exchange(args, env)).stdout)).toBeDefined();
  });

  // What stands for the agent is a script.
  test.skipIf(process.platform === "win32")("from Buildkite's agent, for the audience", async () => {
    const folder = join(cli.home, "bin");
    mkdirSync(folder);
    const agent = join(folder, "buildkite-agent");
    writeFileSync(agent, '#!/bin/sh\n[ "$*" = "oidc request-token --audience aud" ] && echo "$TEST_TOKEN"\n');
    chmodSync(agent, 0o755);
    const env = {
      BUILDKITE: "true",
      TEST_TOKEN: await larder.jobToken(),
      PATH: `${folder}${delimiter}${process.env.PATH}`,
    };
    expect(secretOf((await exchange(["--audience", "aud"], env)).stdout)).toBeDefined();
    const { stdout, stderr } = await exchange(["--audience", "wrong"], env);
    expect(stdout).toBe("");
    expect(stderr).toContain("buildkite-agent gave the job no token; it ended with 1.");
  });
});

describe("without a token", () => {
  test.each<[string, Record<string, string>, string[], string]>([
    ["a job of no service", {}, [], "This runs in no CI service that larder knows."],
    [
      "a fork's job on GitHub",
      { GITHUB_ACTIONS: "true" },
      [],
      "GitHub gives this job no identity. Add `permissions:",
    ],
    ["a job on GitLab without its id_tokens", { GITLAB_CI: "true" }, [], "This job has no LARDER_ID_TOKEN."],
    ["a fork's job on CircleCI", { CIRCLECI: "true" }, [], "CircleCI gives this job no identity"],
    ["a job on Buildkite without its agent", { BUILDKITE: "true" }, [], "There is no buildkite-agent"],
    [
      "a job whose variable is empty",
      {},
      ["--token-env", "MINE"],
      "The variable that --token-env names is not set in this job.",
    ],
    ["a job whose token is none", { LARDER_ID_TOKEN: "x" }, [], "This is no JWT."],
    [
      "a larder that is away",
      { LARDER_ID_TOKEN: "x", TURBO_API: "http://127.0.0.1:9" },
      [],
      "cannot be reached",
    ],
  ])("%s goes on without the cache, or fails if it has to have one", async (_, env, args, why) => {
    const green = await exchange(args, env);
    expect({ exitCode: green.exitCode, stdout: green.stdout }).toEqual({ exitCode: 0, stdout: "" });
    expect(green.stderr).toStartWith("larder: no token, so this job goes on without the cache: ");
    expect(green.stderr).toContain(why);
    const red = await exchange([...args, "--required"], env);
    expect({ exitCode: red.exitCode, stdout: red.stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(red.stderr).toContain(why);
  });

  test("a job that no policy takes is told so, and where to look", async () => {
    const { stdout, stderr } = await exchange([], {
      LARDER_ID_TOKEN: await larder.jobToken({ ref: "refs/heads/x" }),
    });
    expect(stdout).toBe("");
    expect(stderr).toContain("No policy takes this job (github acme/web run 123).");
    const wrongTeam = await exchange(["--team", "other"], { LARDER_ID_TOKEN: await larder.jobToken() });
    expect(wrongTeam.stderr).toContain("may not act for the team");
  });

  test.each([
    ["no URL", { TURBO_API: "" }, []],
    ["a URL that is none", { TURBO_API: "cache.example.com" }, []],
    ["a URL with a line of its own", { TURBO_API: "http://127.0.0.1:9/\nEVIL=1?" }, []],
    ["GitHub's format elsewhere", {}, ["--format", "github"]],
    ["a format that is not there", {}, ["--format", "xml"]],
    ["JSON and another format at once", {}, ["--json", "--format", "env"]],
  ])("%s is wrong usage", async (_, env, args) => {
    const { exitCode, stdout } = await exchange(args, { LARDER_ID_TOKEN: "x", ...env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });
});

test("what a server sends gets into no shell unless it is what a larder gives", async () => {
  const issued = { access_token: "lrd_abc", team: "web", scope: "write", trust: "trusted", expires_in: 60 };
  for (const change of [
    { team: "web\nEVIL=1" },
    { access_token: "$(evil)" },
    { trust: "a b" },
    { scope: "root" },
  ]) {
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => Response.json({ ...issued, ...change }),
    });
    const env = { TURBO_API: `http://127.0.0.1:${server.port}`, LARDER_ID_TOKEN: "x" };
    const { stdout, stderr } = await exchange([], env);
    expect(stdout).toBe("");
    expect(stderr).toContain("not as a larder would");
  }
});

test("what a server says gives no commands to the runner of the job, nor to a terminal", async () => {
  const evil = "::add-path::/evil\n::add-path::/evil\r##[add-path]/evil ##vso[task.x]y \u009b2J\u202e";
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ message: evil }, { status: 403 }),
  });
  const env = { TURBO_API: `http://127.0.0.1:${server.port}`, LARDER_ID_TOKEN: "x" };
  for (const args of [[], ["--required"]]) {
    const { stderr } = await exchange(args, env);
    expect(stderr).toEndWith(
      ": :add-path::/evil ::add-path::/evil # #[add-path]/evil # #vso[task.x]y  2J \n",
    );
  }
});
