import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type CiProvider,
  checkOwner,
  ownerClaims,
  pullRequestPolicy,
  trustedPolicy,
} from "../../src/identity/ci-providers.ts";
import { matchClaim, parsePattern } from "../../src/identity/claim-patterns.ts";
import { judge, strongest } from "../../src/identity/policy-match.ts";
import { githubPullRequest, githubPush } from "./test-issuer.ts";
import { github, policyOf } from "./test-policy.ts";

describe("the ready-made policies", () => {
  /** Which of the pair takes a job, and with which scope. */
  function outcome(
    provider: "github" | "gitlab" | "buildkite" | "circleci",
    claims: Record<string, unknown>,
  ) {
    const project = {
      github: { repository: "acme/web" },
      gitlab: { repository: "acme/apps/web" },
      buildkite: { organization: "acme", pipeline: "web" },
      circleci: { organization: "0b1c", repository: "github.com/acme/web" },
    }[provider];
    const pair = [trustedPolicy, pullRequestPolicy].map((make) => {
      const { label: _, ...template } = make(provider, { ...project, branch: "main" });
      return policyOf(template);
    });
    const issuer = pair[0]?.issuer;
    const chosen = strongest(pair.map((policy) => judge(policy, { iss: issuer, aud: "larder", ...claims })));
    return chosen && (chosen.scope || "trusted");
  }

  test.each([
    ["push", {}, "trusted"],
    ["a schedule", { event_name: "schedule" }, "trusted"],
    ["a start by hand", { event_name: "workflow_dispatch" }, "trusted"],
    ["a pull request", githubPullRequest, "pr-acme.2Fweb-12"],
    ["pull_request_target", { event_name: "pull_request_target" }, undefined],
    ["workflow_run", { event_name: "workflow_run" }, undefined],
    ["a comment", { event_name: "issue_comment" }, undefined],
    ["a push to another branch", { ref: "refs/heads/evil" }, undefined],
    ["a push of a tag called main", { ref: "refs/tags/main" }, undefined],
    ["a push to refs/heads/main/x", { ref: "refs/heads/main/x" }, undefined],
    ["another repository", { repository: "acme/website" }, undefined],
    ["a fork", { repository: "stranger/web" }, undefined],
    [
      "a pull request of a fork, in the fork",
      { ...githubPullRequest, repository: "stranger/web" },
      undefined,
    ],
  ])("for GitHub: %s", (_, change, wanted) => {
    expect(outcome("github", { ...githubPush, ...change })).toBe(wanted as string);
  });

  const gitlabPush = {
    project_path: "acme/apps/web",
    ref: "main",
    ref_type: "branch",
    pipeline_source: "push",
    job_id: "1",
  };
  test.each([
    ["a push", {}, "trusted"],
    ["a schedule", { pipeline_source: "schedule" }, "trusted"],
    [
      "a merge request",
      { ref: "feature/x", pipeline_source: "merge_request_event" },
      "mr-acme.2Fapps.2Fweb-feature.2Fx",
    ],
    [
      "a merge request from a branch called main",
      { pipeline_source: "merge_request_event" },
      "mr-acme.2Fapps.2Fweb-main",
    ],
    [
      "a merge request of a fork",
      { pipeline_source: "merge_request_event", project_path: "stranger/web" },
      undefined,
    ],
    ["a pipeline that another started", { pipeline_source: "pipeline" }, undefined],
    ["a tag called main", { ref_type: "tag" }, undefined],
    ["another branch", { ref: "main2" }, undefined],
    ["another project", { project_path: "acme/apps/web2" }, undefined],
  ])("for GitLab: %s", (_, change, wanted) => {
    expect(outcome("gitlab", { ...gitlabPush, ...change })).toBe(wanted as string);
  });

  const buildkitePush = {
    organization_slug: "acme",
    pipeline_slug: "web",
    build_branch: "main",
    build_source: "webhook",
    build_number: 7,
  };
  test.each([
    ["a push", {}, "trusted"],
    ["a schedule", { build_source: "schedule" }, "trusted"],
    ["a build by hand that names the branch", { build_source: "ui" }, "branch-acme-web-main"],
    ["a build through the API that names the branch", { build_source: "api" }, "branch-acme-web-main"],
    ["a fork's pull request", { build_branch: "stranger:main" }, "branch-acme-web-stranger.3Amain"],
    ["another pipeline", { pipeline_slug: "api" }, undefined],
    ["another organization", { organization_slug: "evil" }, undefined],
  ])("for Buildkite: %s", (_, change, wanted) => {
    expect(outcome("buildkite", { ...buildkitePush, ...change })).toBe(wanted as string);
  });

  const circlePush = {
    "oidc.circleci.com/vcs-origin": "github.com/acme/web",
    "oidc.circleci.com/vcs-ref": "refs/heads/main",
    "oidc.circleci.com/ssh-rerun": false,
    "oidc.circleci.com/job-id": "j",
  };
  test.each([
    ["a push", {}, "trusted"],
    [
      "another branch",
      { "oidc.circleci.com/vcs-ref": "refs/heads/a/b" },
      "branch-github.2Ecom.2Facme.2Fweb-a.2Fb",
    ],
    [
      "a job run again with SSH",
      { "oidc.circleci.com/ssh-rerun": true },
      "branch-github.2Ecom.2Facme.2Fweb-main",
    ],
    [
      "a fork with a branch called main",
      { "oidc.circleci.com/vcs-origin": "github.com/stranger/web" },
      undefined,
    ],
    ["a tag", { "oidc.circleci.com/vcs-ref": "refs/tags/main" }, undefined],
    ["another organization", { iss: "https://oidc.circleci.com/org/evil" }, undefined],
  ])("for CircleCI: %s", (_, change, wanted) => {
    expect(outcome("circleci", { ...circlePush, ...change })).toBe(wanted as string);
  });

  test("keep the pull requests of two projects apart, though their numbers and branches are the same", () => {
    const scopeOf = (provider: CiProvider, project: object, claims: object) => {
      const { label: _, ...template } = pullRequestPolicy(provider, { ...project, branch: "main" });
      const policy = policyOf(template);
      const judged = judge(policy, { iss: policy.issuer, aud: "larder", ...claims });
      return judged.matches ? judged.scope : judged.reasons;
    };
    // What stands between two values must not do as a part of one: acme-a/b and acme/a-b.
    const names = ["acme/one", "acme/two", "acme-a/b", "acme/a-b", "acme/a.b", `acme/${"x".repeat(100)}1`];
    const scopes = [
      ...names.map((repository) =>
        scopeOf("github", { repository }, { ...githubPullRequest, repository, ref: "refs/pull/7/merge" }),
      ),
      ...names.map((repository) =>
        scopeOf(
          "gitlab",
          { repository },
          { project_path: repository, ref: "7", pipeline_source: "merge_request_event" },
        ),
      ),
      ...names.map((name) => {
        const [organization, pipeline] = name.split("/") as [string, string];
        const claims = { organization_slug: organization, pipeline_slug: pipeline, build_branch: "7" };
        return scopeOf("buildkite", { organization, pipeline }, claims);
      }),
      ...names.map((repository) => {
        const claims = {
          "oidc.circleci.com/vcs-origin": repository,
          "oidc.circleci.com/vcs-ref": "refs/heads/7",
        };
        return scopeOf("circleci", { repository, organization: "0b1c" }, claims);
      }),
    ];
    expect(scopes[0]).toBe("pr-acme.2Fone-7");
    expect(scopes.filter((scope) => typeof scope !== "string" || scope.length > 100)).toEqual([]);
    expect(new Set(scopes).size).toBe(4 * names.length);
  });

  test("take the branches that a * in the name stands for", () => {
    const release = { branch: "release/*" };
    const taken = (provider: CiProvider, project: object, claim: string, job: Record<string, unknown>) => {
      const { label: _, ...template } = trustedPolicy(provider, { ...project, ...release });
      const policy = policyOf(template);
      return ["release/1.2", "release/", "release/1/2", "release", "x/release/1", "release/1:x"].filter(
        (name) => {
          const ref = String(job[claim]).replace("main", name);
          return judge(policy, { ...job, iss: policy.issuer, aud: "larder", [claim]: ref }).matches;
        },
      );
    };
    const both = ["release/1.2", "release/"];
    const circle = { repository: "github.com/acme/web", organization: "0b1c" };
    const ref = "oidc.circleci.com/vcs-ref";
    expect(taken("github", { repository: "acme/web" }, "ref", githubPush)).toEqual(both);
    expect(taken("gitlab", { repository: "acme/apps/web" }, "ref", gitlabPush)).toEqual(both);
    const pipeline = { organization: "acme", pipeline: "web" };
    expect(taken("buildkite", pipeline, "build_branch", buildkitePush)).toEqual(both);
    expect(taken("circleci", circle, ref, circlePush)).toEqual(both);
  });

  test("take every branch of the project for *, and none of a fork", () => {
    const { label: _, ...template } = trustedPolicy("buildkite", {
      organization: "acme",
      pipeline: "web",
      branch: "*",
    });
    const takes = (build_branch: string) =>
      judge(policyOf(template), { ...buildkitePush, iss: template.issuer, aud: "larder", build_branch })
        .matches;
    expect(["main", "next", "stranger:main"].map(takes)).toEqual([true, true, false]);
  });

  test.each([
    [{ repository: "acme/*" }, "repository is the name of one"],
    [{ repository: "acme/{name}" }, "repository is the name of one"],
    [{ repository: "acme/web|acme/api" }, "repository is the name of one"],
    [{ branch: "release/**" }, "is no branch"],
    [{ branch: "main|next" }, "is no branch"],
    [{ branch: "v[0-9]" }, "is no branch"],
    [{ branch: "refs/heads/main" }, "is no branch"],
    [{ branch: "stranger:main" }, "is no branch"],
    [{ branch: "" }, "is no branch"],
  ])("refuse %p, which would let no job in, and say what to do", (change, message) => {
    const project = { repository: "acme/web", branch: "main", ...change };
    for (const provider of ["github", "gitlab"] as const)
      expect(() => trustedPolicy(provider, project)).toThrow(message);
  });

  test("refuse an organization or a pipeline that is no name", () => {
    for (const change of [{ organization: "*" }, { pipeline: "web-*" }]) {
      const project = { organization: "acme", pipeline: "web", branch: "main", ...change };
      expect(() => trustedPolicy("buildkite", project)).toThrow("is the name of one");
      expect(() => pullRequestPolicy("buildkite", project)).toThrow("is the name of one");
    }
    const circle = { organization: "0b1c", repository: "github.com/acme/*", branch: "main" };
    expect(() => trustedPolicy("circleci", circle)).toThrow("is the name of one");
  });

  test("say what they lack", () => {
    expect(() => trustedPolicy("github", { branch: "main" })).toThrow("needs the repository of the jobs");
    expect(() => trustedPolicy("buildkite", { organization: "acme", branch: "main" })).toThrow(
      "needs the pipeline of the jobs",
    );
    expect(() => trustedPolicy("circleci", { repository: "x", branch: "main" })).toThrow(
      "needs the organization of the jobs",
    );
  });
});

describe("of an issuer that signs for everybody", () => {
  const gitlab = "https://gitlab.com";
  const buildkite = "https://agent.buildkite.com";

  function isAccepted(issuer: string, claims: Record<string, string>): boolean {
    const patterns = new Map(Object.entries(claims).map(([name, text]) => [name, parsePattern(text)]));
    try {
      checkOwner(issuer, patterns);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "bad_request" });
      return false;
    }
  }

  test.each([
    [github, "sub", "repo:**"],
    [github, "sub", "repo**"],
    [github, "sub", "repo:acme**"],
    [github, "sub", "repo:acme@1**"],
    [github, "sub", "repo:*/web:**"],
    [github, "sub", "environment:production"],
    [github, "repository", "a**"],
    [github, "repository", "acme*"],
    [github, "repository", "/**"],
    [github, "repository", "acme/web|a**"],
    [github, "repository", "acme\\/|{owner}/web"],
    [github, "repository_owner", "acme*"],
    [github, "repository_owner_id", "1*"],
    [github, "repository_id", "7{rest}"],
    [github, "workflow_ref", "acme{rest**}"],
    [github, "job_workflow_ref", "acme/shared/.github/workflows/build.yml@refs/heads/main"],
    [github, "event_name", "push"],
    [gitlab, "sub", "project_path:**"],
    [gitlab, "sub", "project_path:acme**"],
    [gitlab, "namespace_path", "acme*"],
    [gitlab, "project_id", "1**"],
    [gitlab, "ci_config_ref_uri", "gitlab.com/**"],
    [buildkite, "sub", "organization:**"],
    [buildkite, "sub", "organization:acme**"],
    [buildkite, "organization_slug", "acme*"],
    [buildkite, "pipeline_slug", "web"],
  ])("a policy of %s with %s=%s is refused, since it may be anybody's", (issuer, claim, pattern) => {
    expect(isAccepted(issuer, { [claim]: pattern, ref: "refs/heads/main" })).toBe(false);
  });

  test.each([
    [github, "sub", "repo:acme/**"],
    [github, "sub", "repo:acme@12/web@34:ref:refs/heads/main"],
    [github, "repository", "acme/web|acme/api-*|other/**"],
    [github, "repository_owner", "acme|other"],
    [github, "workflow_ref", "acme/web/.github/workflows/*@{ref**}"],
    [gitlab, "sub", "project_path:acme/apps/*:ref_type:branch:ref:main"],
    [gitlab, "namespace_path", "acme|acme/**"],
    [gitlab, "ci_config_ref_uri", "gitlab.com/acme/web//.gitlab-ci.yml@refs/heads/main"],
    [buildkite, "sub", "organization:acme:pipeline:*:**"],
    [buildkite, "organization_slug", "acme"],
    ["https://git.example.com", "project_path", "**"],
  ])("a policy of %s with %s=%s is accepted", (issuer, claim, pattern) => {
    expect(isAccepted(issuer, { any: "*", [claim]: pattern })).toBe(true);
  });

  const owner = fc.stringMatching(/^[ab*|\\-]{1,3}$/);
  const rest = fc.stringMatching(/^[ab/:]{0,4}$/);
  /** What these services say of a job of this owner. */
  const claimsOfOwner = (issuer: string, owner: string, rest: string): Record<string, string> => {
    const path = `${owner}/web${rest}`;
    if (issuer === github) {
      const sub = `repo:${path}`;
      return { repository: path, repository_owner: owner, repository_owner_id: `1${owner}`, sub };
    }
    if (issuer === gitlab) return { project_path: path, namespace_path: owner, sub: `project_path:${path}` };
    return { organization_slug: owner, sub: `organization:${owner}:pipeline:web${rest}` };
  };
  /** Patterns that take many jobs: what a job says, with runs in the place of some of it. */
  const patternNear = (value: string) =>
    fc
      .array(fc.constantFrom("keep", "keep", "keep", "*", "**", "{x}", "{x**}", "drop"), {
        minLength: value.length,
        maxLength: value.length,
      })
      .map((changes) => {
        let hasName = false;
        return [...value]
          .map((character, index) => {
            const change = changes[index] as string;
            const kept = character.replace(/[\\*{}|]/, "\\$&");
            if (change === "keep") return kept;
            if (change === "drop") return "";
            if (change.startsWith("{") && hasName) return "*";
            hasName ||= change.startsWith("{");
            return change;
          })
          .join("");
      })
      .filter((pattern) => pattern !== "");

  test("no accepted alternative takes the jobs of two owners, and one that is refused spoils all", () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(github, gitlab, buildkite).chain((issuer) =>
          fc.record({ issuer: fc.constant(issuer), one: owner, other: owner, rest }).chain((jobs) =>
            fc
              .constantFrom(...Object.entries(claimsOfOwner(issuer, jobs.one, jobs.rest)))
              .chain(([claim, value]) =>
                fc.record({
                  jobs: fc.constant(jobs),
                  claim: fc.constant(claim),
                  patterns: fc.array(patternNear(value), { minLength: 1, maxLength: 3 }),
                }),
              ),
          ),
        ),
        ({ jobs: { issuer, one, other, rest }, claim, patterns }) => {
          expect(ownerClaims(issuer)).toContain(claim);
          const good = patterns.filter((pattern) => isAccepted(issuer, { [claim]: pattern }));
          expect(isAccepted(issuer, { [claim]: patterns.join("|") })).toBe(good.length === patterns.length);
          accepted += good.length;
          for (const pattern of good) {
            const takes = [one, other, `${one}-evil`, `${one}${other}`].filter((name) =>
              matchClaim(parsePattern(pattern), claimsOfOwner(issuer, name, rest)[claim]),
            );
            expect([pattern, new Set(takes).size <= 1]).toEqual([pattern, true]);
          }
        },
      ),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});
