import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { githubPullRequest, newKey, startIssuer } from "../identity/test-issuer.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

const create = (...more: string[]) => ["policy", "create", "--team", "default", ...more];
const github = ["--provider", "github", "--repository", "acme/web"];
const own = ["--issuer", "https://ci.example.com", "--claim", "project=web"];

describe("creating with a provider", () => {
  test("makes one policy for trusted jobs and one for pull requests, and says so", async () => {
    expect(await cli.json(...create(...github))).toEqual([
      {
        id: expect.stringMatching(/^pol_\w{16}$/),
        name: "github acme/web main",
        team: "default",
        teamId: expect.stringMatching(/^team_/),
        issuer: "https://token.actions.githubusercontent.com",
        audience: "larder",
        claims: {
          repository: "acme/web",
          ref: "refs/heads/main",
          event_name: "push|schedule|workflow_dispatch",
        },
        permission: "write",
        scope: "",
        tokenMaxAgeMs: 3_600_000,
        createdAt: expect.any(String),
        createdBy: expect.stringMatching(/^command /),
      },
      expect.objectContaining({
        name: "github acme/web pull requests",
        claims: { repository: "acme/web", ref: "refs/pull/{number}/merge", event_name: "pull_request" },
        scope: "pr-{repository}-{number}",
      }),
    ]);
    const api = ["--provider", "github", "--repository", "acme/api"];
    const said = await cli.onData(...create(...api));
    expect(said).toMatch(
      /^Created policy "github acme\/api main" \(pol_\w+\): for team default, permission write, trusted\.\n/,
    );
    expect(said).toContain("permission write, in scope pr-{repository}-{number}.\n  repository = acme/api\n");
    expect(said).toContain(
      "Jobs ask for their tokens with the audience larder.\n\nIn a workflow of GitHub Actions",
    );
    expect(said).toMatch(/^ {12}url: "http:.*"\n {12}team: "default"\n {12}audience: "larder"$/m);
  });

  test("takes branch, permission, name, lifetime, audience and more claims", async () => {
    const [trusted, ...rest] = await cli.json(
      ...create(...github, "--branch", "trunk", "--permission", "read", "--name", "mine", "--expires", "10m"),
      ...["--audience", "https://a.example", "--claim", "repository_id=74", "--only", "trusted"],
    );
    expect(rest).toEqual([]);
    expect(trusted).toMatchObject({
      name: "mine",
      permission: "read",
      tokenMaxAgeMs: 600_000,
      audience: "https://a.example",
      claims: { ref: "refs/heads/trunk", repository_id: "74" },
    });
    const [pull] = await cli.json(...create(...github, "--only", "pull-requests"));
    expect(pull.scope).toBe("pr-{repository}-{number}");
  });

  test("takes larder's public URL for the audience, and CircleCI's own", async () => {
    await Bun.write(`${cli.cwd}/larder.toml`, 'publicUrl = "https://cache.example.com"\n');
    const [policy] = await cli.json(...create(...github));
    expect(policy.audience).toBe("https://cache.example.com");
    const circle = [
      "--provider",
      "circleci",
      "--organization",
      "0b1c",
      "--repository",
      "github.com/acme/web",
    ];
    const [theirs] = await cli.json(...create(...circle));
    expect(theirs).toMatchObject({ audience: "0b1c", issuer: "https://oidc.circleci.com/org/0b1c" });
  });
});

test("creating prints what to paste into a job, with the public URL, or says that the URL is a guess", async () => {
  const { stderr } = await cli.larder([...create(...github), "--data", cli.dataFolder]);
  expect(stderr).toEndWith("Start the server first, or set publicUrl.\n");
  await Bun.write(`${cli.cwd}/larder.toml`, 'publicUrl = "https://cache.example.com"\n');
  const args = create("--provider", "gitlab", "--repository", "acme/web");
  const known = await cli.larder([...args, "--data", cli.dataFolder]);
  expect(known.stderr).toBe("");
  expect(known.stdout).toEndWith(`
In .gitlab-ci.yml, which needs no stored secret:

  build:
    id_tokens:
      LARDER_ID_TOKEN:
        aud: "https://cache.example.com"
    script:
      - eval "$(larder exchange --url https://cache.example.com --team default --format export)"
      - npx turbo run build
`);
});

describe("creating by hand", () => {
  test("takes issuer, claims and scope as they are", async () => {
    const flags = ["--claim", "ref=refs/heads/{branch**}", "--scope", "branch-{branch}"];
    expect(await cli.json(...create(...own, ...flags))).toEqual([
      expect.objectContaining({
        name: "ci.example.com",
        issuer: "https://ci.example.com",
        claims: { project: "web", ref: "refs/heads/{branch**}" },
        scope: "branch-{branch}",
      }),
    ]);
    expect(await cli.json(...create(...own, "--trusted"))).toEqual([expect.objectContaining({ scope: "" })]);
  });

  test.each([
    [[...own], "Say what becomes of what the jobs write"],
    [[...own, "--scope", ""], "Say what becomes of what the jobs write"],
    [[...own, "--trusted", "--scope", "x"], "Say what becomes of what the jobs write"],
    [["--trusted", "--claim", "a=b"], "Name a provider, or the issuer and claims"],
    [["--issuer", "https://ci.example.com", "--trusted"], "without any it would take every job"],
    [["--issuer", "http://ci.example.com", "--trusted", "--claim", "a=b"], "An issuer is an https URL"],
    [["--issuer", "https://gitlab.com", "--trusted", "--claim", "ref=main"], "signs for everybody"],
    [[...own, "--trusted", "--claim", "x"], "--claim takes the name of a claim and a pattern"],
    [[...own, "--trusted", "--claim", "project=x"], "Two patterns for one claim"],
    [[...own, "--trusted", "--branch", "main"], "A branch goes with a provider"],
    [[...github, "--trusted"], "have their scopes already"],
    [["--provider", "github"], "needs the repository of the jobs"],
    [["--provider", "github", "--repository", "web"], "names no owner"],
    [["--provider", "gitlab", "--repository", "acme/"], "names no owner"],
    [["--provider", "jenkins"], "Allowed choices are github, gitlab, buildkite, circleci"],
    [[...github, "--permission", "admin"], "Allowed choices are read, write"],
    [[...github, "--expires", "25h"], "It takes a time with its unit"],
  ])("with %j is refused", async (flags, explanation) => {
    const { stderr, stdout, exitCode } = await cli.larder([...create(...flags), "--data", cli.dataFolder]);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toContain(explanation);
  });
});

test("creating warns of a scope that jobs of another project can have, and of no other", async () => {
  const warned = async (...flags: string[]) => {
    const { stderr, exitCode } = await cli.larder([...create(...flags), "--data", cli.dataFolder]);
    expect(exitCode).toBe(0);
    return stderr.includes("can get the same scope");
  };
  const pulls = "ref=refs/pull/{number}/merge";
  const byHand = (repository: string, scope: string) => [
    ...["--issuer", "https://token.actions.githubusercontent.com", "--claim", pulls],
    ...["--claim", `repository=${repository}`, "--scope", scope],
  ];
  expect(await warned(...github)).toBe(false);
  expect(await warned("--provider", "github", "--repository", "acme/api")).toBe(false);
  expect(await warned(...github, "--issuer", "https://git.example.com/_services/token")).toBe(true);
  expect(await warned(...byHand("acme/one", "one-{number}"))).toBe(false);
  expect(await warned(...byHand("acme/one", "one-{number}"), "--claim", "base_ref=next")).toBe(false);
  expect(await warned(...byHand("acme/two", "two-{number}"))).toBe(false);
  expect(await warned(...byHand("acme/three", "one-{number}"))).toBe(true);
  expect(await warned(...byHand("acme/four", "o{number}"))).toBe(true);
  await cli.onData("team", "create", "api");
  expect(await warned(...byHand("acme/five", "one-{number}"), "--team", "api")).toBe(false);
});

test("creating the same again is refused, and says which policy there is", async () => {
  const [trusted] = await cli.json(...create(...github, "--only", "trusted"));
  expect(await cli.refused(...create(...github))).toContain(`${trusted.id}) takes the same jobs already`);
  expect(await cli.json("policy", "list")).toEqual([trusted]);
});

test("listing shows the scope that jobs get, as a template", async () => {
  await cli.onData(...create(...github, "--only", "pull-requests"));
  expect(await cli.onData("policy", "list")).toContain("  pr-{repository}-{number}  ");
});

test("listing shows all of a policy, and keeps to a team if asked", async () => {
  const [policy] = await cli.json(...create(...github, "--only", "trusted"));
  await cli.onData("team", "create", "api");
  expect(await cli.json("policy", "list")).toEqual([policy]);
  expect(await cli.json("policy", "list", "--team", "api")).toEqual([]);
  const table = await cli.onData("policy", "list", "--team", "default");
  expect(table).toMatch(/^ID +NAME +TEAM +PERMISSION +SCOPE +EXPIRES +ISSUER +AUDIENCE +CLAIMS\n/);
  expect(table).toContain(
    "larder    repository=acme/web ref=refs/heads/main event_name=push|schedule|workflow_dispatch\n",
  );
});

test("deleting says what has gone, and refuses what is not there", async () => {
  const [policy] = await cli.json(...create(...github, "--only", "trusted"));
  expect(await cli.onData("policy", "delete", policy.id)).toBe(
    `Deleted policy "github acme/web main" (${policy.id}) of team default, and revoked 0 tokens.\n`,
  );
  expect(await cli.refused("policy", "delete", policy.id)).toContain("There is no policy");
});

describe("trying a token", () => {
  test("tells which policy takes it, why the others do not, and creates nothing", async () => {
    using issuer = await startIssuer();
    await cli.onData(...create(...github, "--issuer", issuer.url));
    const token = await issuer.sign();
    const said = await cli.onData("policy", "test", token);
    expect(said).toContain("Token: signed by its issuer, and valid now\n");
    expect(said).toMatch(
      /github acme\/web main \(pol_\w+, team default\): matches, for write trusted; this one counts\n/,
    );
    expect(said).toMatch(
      /pull requests \(.*\): does not match\n {2}claim ref is "refs\/heads\/main" and has to be "refs\/pull\/\{number\}\/merge"\n/,
    );
    expect(said).not.toContain(token);
    expect(await cli.json("token", "list")).toEqual([]);
  });

  test("takes it from a variable, as it is called in a GitLab job, or from standard input", async () => {
    using issuer = await startIssuer();
    await cli.onData(...create(...github, "--issuer", issuer.url));
    const token = await issuer.sign({ claims: githubPullRequest });
    const args = ["policy", "test", "--token-env", "LARDER_ID_TOKEN", "--json", "--data", cli.dataFolder];
    const { stdout, exitCode } = await cli.larder(args, { LARDER_ID_TOKEN: token });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      issuer: issuer.url,
      problem: null,
      chosen: expect.stringMatching(/^pol_/),
      policies: [{ matches: false }, { matches: true, permission: "write", scope: "pr-acme.2Fweb-12" }],
    });
    const piped = await cli.larder(["policy", "test", "-", "--data", cli.dataFolder], {}, `${token}\n`);
    expect(piped.stdout).toContain("in scope pr-acme.2Fweb-12; this one counts");
  });

  test("of nobody's tells what is wrong with it, beside what the policies say, and ends with 1", async () => {
    using issuer = await startIssuer();
    await cli.onData(...create(...github, "--issuer", issuer.url));
    const expired = await issuer.sign({ claims: { exp: 1_000 } });
    const good = await issuer.sign();
    issuer.key = await newKey("first");
    const forged = await issuer.sign();
    const foreign = await issuer.sign({ claims: { iss: "https://other.example" } });
    for (const [token, problem] of [
      [expired, "it has expired"],
      [forged, "its signature is not its issuer's"],
      [foreign, "No policy trusts its issuer."],
    ] as const) {
      const { stdout, stderr, exitCode } = await cli.larder([
        "policy",
        "test",
        token,
        "--data",
        cli.dataFolder,
      ]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain(problem);
      expect(stdout).not.toContain("this one counts");
      expect(stderr).toBe("larder: No policy takes this token.\n");
    }
    await issuer.stop();
    const away = await cli.larder(["policy", "test", good, "--data", cli.dataFolder]);
    expect(away.stdout).toContain("cannot be reached");
  });

  test("shows nothing of it that a terminal would obey", async () => {
    const evil = "a\u009b2J\u202e\u0085\u2028\u001b]0;x\u0007";
    using issuer = await startIssuer();
    await cli.onData(...create(...github, "--issuer", issuer.url));
    const token = await issuer.sign({ claims: { repository: evil, ref: evil, aud: evil } });
    const foreign = await issuer.sign({ claims: { iss: evil } });
    for (const args of [[token], [foreign], [token, "--json"], [foreign, "--json"]]) {
      const { stdout, stderr } = await cli.larder(["policy", "test", ...args, "--data", cli.dataFolder]);
      expect(stdout).toContain("a\\u009b2J\\u202e");
      expect(stdout + stderr).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
    }
  });

  test("wants one token, and one that is", async () => {
    for (const args of [[], ["x", "--token-env", "X"], ["--token-env", "UNSET"], ["x"]]) {
      const { exitCode, stdout } = await cli.larder(["policy", "test", ...args, "--data", cli.dataFolder]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    }
  });
});
