import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { githubPullRequest } from "../identity/test-issuer.ts";
import { emptyEnvironment, type Finished, run } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startTrustingLarder, type TrustingLarder } from "../trusting-larder.ts";
import { type GithubJob, startGithubJob } from "./github-job.ts";

const folder = join(import.meta.dir, "../../action");
const script = join(folder, "exchange.mjs");
/** What GitHub runs it with, where there is one. */
const runtimes = [process.execPath, Bun.which("node")].filter((path) => path !== null);

let larder: TrustingLarder;
beforeAll(async () => {
  larder = await startTrustingLarder();
});
afterAll(() => larder[Symbol.asyncDispose]());

interface Step extends Finished {
  variables: Record<string, string>;
  outputs: Record<string, string>;
  audiences: string[];
}

/** Runs the action as a step of a job. */
async function step({
  inputs = {},
  claims = {},
  env = {},
  runtime = process.execPath,
}: {
  inputs?: Record<string, string>;
  claims?: Record<string, unknown>;
  /** Empty ones are left out. */
  env?: Record<string, string>;
  runtime?: string;
} = {}): Promise<Step> {
  using home = temporaryFolder();
  using job: GithubJob = startGithubJob(join(home.path, "job"), larder.issuer, claims);
  const given = { url: larder.url, team: "", audience: "", required: "false", ...inputs };
  const all = {
    ...emptyEnvironment(home.path),
    ...job.env,
    ...Object.fromEntries(
      Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    ...env,
  };
  const finished = await run([runtime, script], {
    cwd: home.path,
    env: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")),
  });
  return { ...finished, variables: job.variables(), outputs: job.outputs(), audiences: job.audiences };
}

describe("the action", () => {
  test.each(runtimes)("sets what turbo needs for the steps that follow, with %s", async (runtime) => {
    const { exitCode, stdout, stderr, variables, outputs, audiences } = await step({ runtime });
    expect({ exitCode, stderr, audiences }).toEqual({ exitCode: 0, stderr: "", audiences: [larder.url] });
    expect(variables).toEqual({
      BEFORE: "1",
      TURBO_API: larder.url,
      TURBO_TEAM: "default",
      TURBO_TOKEN: expect.stringMatching(/^lrd_\w{38}$/),
    });
    expect(outputs).toMatchObject({ trust: "trusted", permission: "write" });
    const client = new TurboClient(variables.TURBO_API as string, variables.TURBO_TOKEN as string);
    expect((await client.put("abc", "bytes")).status).toBe(202);
    // Nothing prints the secret before the runner has been told to hide it.
    const secret = variables.TURBO_TOKEN as string;
    expect(stdout).toContain(`::add-mask::${secret}\n`);
    expect(stdout.split(secret)).toHaveLength(2);
    expect(stdout).toContain("Token of larder for 60 min: team default, permission write, trust trusted\n");
  });

  test("keeps a pull request to its own scope", async () => {
    expect((await step({ claims: githubPullRequest })).outputs).toMatchObject({ trust: "pr-acme.2Fweb-12" });
  });

  test("names team and audience as it is told", async () => {
    const named = await step({ inputs: { team: "default", audience: "https://x.example" } });
    expect(named.audiences).toEqual(["https://x.example"]);
    expect(named.stdout).toContain("::warning::This job goes on without the cache. No policy takes this job");
    expect((await step({ inputs: { team: "default", url: `${larder.url}/` } })).variables.TURBO_API).toBe(
      larder.url,
    );
  });

  test.each<[string, Parameters<typeof step>[0], string]>([
    ["a fork's job", { env: { ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" } }, "GitHub gives this job no identity"],
    ["a job that no policy takes", { claims: { ref: "refs/heads/x" } }, "No policy takes this job"],
    ["a team that is not the job's", { inputs: { team: "other" } }, "may not act for the team"],
    [
      "a job that GitHub refuses",
      { env: { ACTIONS_ID_TOKEN_REQUEST_TOKEN: "wrong" } },
      "GitHub gave the job no token (401)",
    ],
    [
      "a larder that is away",
      { inputs: { url: "http://127.0.0.1:9" } },
      "larder (http://127.0.0.1:9) cannot be reached",
    ],
    ["a URL that is none", { inputs: { url: "cache.example.com" } }, "The input url has to be"],
  ])("leaves %s green and without the cache, or fails it if it has to have one", async (_, options, why) => {
    const green = await step(options);
    expect(green.exitCode).toBe(0);
    expect(green.stdout).toMatch(/^(::add-mask::.*\n)?::warning::This job goes on without the cache\. .+\n$/);
    expect(green.stdout).toContain(why);
    expect(green.variables).toEqual({ BEFORE: "1" });
    const red = await step({ ...options, inputs: { ...options?.inputs, required: "true" } });
    expect(red.exitCode).toBe(1);
    expect(red.stdout).toContain("::error::No token of larder. ");
    expect(red.variables).toEqual({ BEFORE: "1" });
  });

  test.each([
    ["a team with a line break", { team: "web\nEVIL=1" }],
    ["a token with a line break", { access_token: "lrd_abc\n::set-env name=EVIL::1" }],
    ["a trust with a line break", { trust: "x\nEVIL=1" }],
    ["a token that is a list", { access_token: ["lrd_abc\nEVIL=1"] }],
  ])("takes from no server %s", async (_, change) => {
    const issued = { access_token: "lrd_abc", team: "web", scope: "write", trust: "trusted", expires_in: 60 };
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => Response.json({ ...issued, ...change }),
    });
    const { stdout, exitCode, variables } = await step({
      inputs: { url: `http://127.0.0.1:${server.port}` },
    });
    expect(exitCode).toBe(0);
    expect(variables).toEqual({ BEFORE: "1" });
    expect(stdout).toContain("not as a larder would");
  });

  test("lets no server give commands to the runner, and follows it nowhere", async () => {
    const evil = "x\n::set-output name=evil::1\r\n::add-path::/evil ###[add-path]/evil \u009b2J\u202e";
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) =>
        new URL(request.url).pathname.startsWith("/away")
          ? Response.redirect(larder.url, 307)
          : Response.json({ message: evil }, { status: 400 }),
    });
    const { stdout } = await step({ inputs: { url: `http://127.0.0.1:${server.port}` } });
    expect(stdout).not.toMatch(/^::(set-output|add-path)/m);
    expect(stdout).toContain("x ::set-output");
    expect(stdout).not.toMatch(/##\[|[\u009b\u202e]/);
    const away = await step({ inputs: { url: `http://127.0.0.1:${server.port}/away` } });
    expect(away.stdout).toContain("answers 307, and not as a larder would");
  });
});

test("the action's inputs and outputs are those that its script knows, and its file is there", async () => {
  const { inputs, outputs, runs } = Bun.YAML.parse(await Bun.file(join(folder, "action.yml")).text()) as {
    inputs: object;
    outputs: object;
    runs: { using: string; main: string };
  };
  expect(Object.keys(inputs)).toEqual(["url", "team", "audience", "required"]);
  expect(Object.keys(outputs)).toEqual(["trust", "permission"]);
  expect(runs.using).toBe("node24");
  expect(join(folder, runs.main)).toBe(script);
  const text = await Bun.file(script).text();
  for (const [, name] of text.matchAll(/^import .* from "(.*)";$/gm)) expect(name).toStartWith("node:");
});
