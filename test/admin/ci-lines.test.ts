import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ciLines } from "../../src/admin/ci-lines.ts";
import { type CiProvider, ciProviders } from "../../src/identity/ci-providers.ts";
import type { Policy } from "../../src/identity/policies.ts";
import { type PolicyWish, wantedPolicies } from "../../src/identity/wanted-policies.ts";
import { run } from "../larder.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const url = "https://cache.example.com";
const projects: Record<CiProvider, PolicyWish> = {
  github: { provider: "github", repository: "acme/web" },
  gitlab: { provider: "gitlab", repository: "acme/web" },
  buildkite: { provider: "buildkite", organization: "acme", pipeline: "web" },
  circleci: { provider: "circleci", organization: "1a2b3c", repository: "github.com/acme/web" },
};
const byHand: PolicyWish = { issuer: "https://ci.example.com", claims: { project: "web" }, trusted: true };

/** The policies that come of it, in team web. */
function policiesOf(wish: PolicyWish): Policy[] {
  return wantedPolicies(wish).map((wanted) => ({ audience: url, ...wanted, teamSlug: "web" }) as Policy);
}

const linesOf = (...wishes: PolicyWish[]) => ciLines(wishes.flatMap(policiesOf), url);
const textOf = (wish: PolicyWish) => linesOf(wish)[0]?.text as string;

describe("docs/ci.md shows the same lines", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/ci.md")).text();
  test.each([
    ["GitHub Actions", projects.github],
    ["GitLab", projects.gitlab],
    ["Buildkite", projects.buildkite],
    ["CircleCI", projects.circleci],
    ["Any other", byHand],
  ] as const)("for %s", (heading, wish) => {
    const [section = ""] = page.split(`\n## ${heading}\n`)[1]?.split("\n## ") ?? [];
    const blocks = [...section.matchAll(/```\w+\n([^`]*)\n```/g)].map(([, block]) => block as string);
    expect(blocks.filter((block) => block.endsWith(textOf(wish)))).toHaveLength(1);
  });
});

test.each(ciProviders)(
  "both policies of %s have the same lines, and so have those of a server of one's own",
  (provider) => {
    const wish = projects[provider];
    expect(linesOf(wish)).toHaveLength(1);
    expect(linesOf({ ...wish, issuer: "https://ci.acme.example" })).toEqual(linesOf(wish));
    expect(Bun.YAML.parse(textOf(wish))).toBeObject();
  },
);

test("a policy written by hand for an issuer that is known has its service's lines", () => {
  const issuer = "https://gitlab.com";
  expect(linesOf({ issuer, claims: { sub: "project_path:acme/*" }, trusted: true })).toEqual(
    linesOf(projects.gitlab),
  );
});

test("several services, and audiences of one, have titles of their own", () => {
  const lines = linesOf(projects.github, { ...projects.github, audience: "other" }, byHand);
  expect(lines.map(({ title }) => title)).toEqual([
    "In a workflow of GitHub Actions, which needs no stored secret",
    "In a workflow of GitHub Actions, which needs no stored secret (2)",
    `In a job of ci.example.com that has its token, with the audience ${url}, in MY_ID_TOKEN`,
  ]);
});

describe("whatever the audience is, it arrives as it is", () => {
  const audience = `it's:"$(id)"#\\`;

  test("in the YAML of GitHub Actions and GitLab", () => {
    const workflow = Bun.YAML.parse(textOf({ ...projects.github, audience })) as {
      jobs: { build: { permissions: unknown; steps: { with?: unknown }[] } };
    };
    expect(workflow.jobs.build.permissions).toEqual({ "id-token": "write", contents: "read" });
    expect(workflow.jobs.build.steps[1]?.with).toEqual({ url, team: "web", audience });
    expect(Bun.YAML.parse(textOf({ ...projects.gitlab, audience }))).toMatchObject({
      build: { id_tokens: { LARDER_ID_TOKEN: { aud: audience } } },
    });
  });

  test("in the shell of Buildkite", async () => {
    const { steps } = Bun.YAML.parse(textOf({ ...projects.buildkite, audience })) as {
      steps: { command: string }[];
    };
    using folder = temporaryFolder();
    // In place of larder and npx, what they were called with.
    const stub = '#!/bin/sh\nprintf "%s\\\\n" "$@" > "$0.called"\n';
    for (const name of ["larder", "npx"]) writeFileSync(join(folder.path, name), stub, { mode: 0o755 });
    const { exitCode, stderr } = await run(["sh", "-ec", steps[0]?.command as string], {
      cwd: folder.path,
      env: { PATH: `${folder.path}:/usr/bin:/bin` },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(await Bun.file(join(folder.path, "larder.called")).text()).toBe(
      `${["exchange", "--url", url, "--team", "web", "--audience", audience, "--format", "export"].join("\n")}\n`,
    );
    expect(await Bun.file(join(folder.path, "npx.called")).text()).toBe("turbo\nrun\nbuild\n");
  });
});
