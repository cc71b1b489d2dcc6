import { Refusal } from "../refusal.ts";
import { beginnings, type ClaimPattern, claimText } from "./claim-patterns.ts";

/** The CI services that larder knows by itself. Any other with a key set works, too, with a policy written by hand. */
export const ciProviders = ["github", "gitlab", "buildkite", "circleci"] as const;
export type CiProvider = (typeof ciProviders)[number];

/** Whose jobs a ready-made policy is for. */
export interface CiProject {
  /** GitHub: `acme/web`. GitLab: the project's path. CircleCI: with its host, `github.com/acme/web`. */
  repository?: string;
  /** Buildkite: the slug. CircleCI: the id. */
  organization?: string;
  /** Buildkite: the slug. */
  pipeline?: string;
  /** Whose pushes are trusted; each * in it stands for any run of characters but /. */
  branch: string;
  /** The address of one's own GitLab or GitHub Enterprise Server; the public service's, if not said. */
  issuer?: string;
}

/** What a ready-made policy wants of a job. */
export interface PolicyTemplate {
  /** After the name of the project. */
  label: string;
  issuer: string;
  claims: Record<string, string>;
  /** Empty for trusted work. */
  scope: string;
}

interface Provider {
  issuer(project: CiProject): string;
  /** Which project a job is of. No other service has a claim of that name. */
  projectClaim: string;
  /** The only audience that its jobs' tokens have, unless they ask for another. */
  audience?(project: CiProject): string;
  /** Of a job in its own words, such as `acme/web run 123`. */
  describe(text: (claim: string) => string): string;
  /** What tells afterwards which job it was. */
  shownClaims: readonly string[];
  trusted(project: CiProject): Record<string, string>;
  /** The scope names the project, too: a team may have several, and their pull requests the same numbers and branches. */
  pullRequests(project: CiProject): { claims: Record<string, string>; scope: string };
}

const circleOrigin = "oidc.circleci.com/vcs-origin";
const circleRef = "oidc.circleci.com/vcs-ref";

/** Of the public services. */
const issuerHosts: Record<CiProvider, string> = {
  github: "token.actions.githubusercontent.com",
  gitlab: "gitlab.com",
  buildkite: "agent.buildkite.com",
  circleci: "oidc.circleci.com",
};

function publicIssuer(name: CiProvider): string {
  return `https://${issuerHosts[name]}`;
}

const providers: Record<CiProvider, Provider> = {
  github: {
    projectClaim: "repository",
    issuer: ({ issuer }) => issuer ?? publicIssuer("github"),
    describe: (text) => `${text("repository")} run ${text("run_id")}`,
    shownClaims: [
      "repository",
      "ref",
      "sha",
      "event_name",
      "workflow_ref",
      "run_id",
      "run_attempt",
      "actor",
      "environment",
    ],
    // pull_request_target and workflow_run have the branch's ref, too, and may hold code of a stranger's pull request.
    trusted: (project) => ({
      repository: wholeRepository(project),
      ref: `refs/heads/${branchPattern(project)}`,
      event_name: "push|schedule|workflow_dispatch",
    }),
    pullRequests: (project) => ({
      claims: {
        repository: wholeRepository(project),
        ref: "refs/pull/{number}/merge",
        event_name: "pull_request",
      },
      scope: "pr-{repository}-{number}",
    }),
  },
  gitlab: {
    projectClaim: "project_path",
    issuer: ({ issuer }) => issuer ?? publicIssuer("gitlab"),
    describe: (text) => `${text("project_path")} job ${text("job_id")}`,
    shownClaims: [
      "project_path",
      "ref",
      "ref_type",
      "sha",
      "pipeline_source",
      "pipeline_id",
      "job_id",
      "user_login",
      "environment",
    ],
    // The ref of a merge request is its source branch, which may be called like the trusted one, so the source counts.
    trusted: (project) => ({
      project_path: wholeRepository(project),
      ref: branchPattern(project),
      ref_type: "branch",
      pipeline_source: "push|schedule|web",
    }),
    // A token says nothing of the number of a merge request.
    pullRequests: (project) => ({
      claims: {
        project_path: wholeRepository(project),
        pipeline_source: "merge_request_event",
        ref: "{branch**}",
      },
      scope: "mr-{project_path}-{branch}",
    }),
  },
  buildkite: {
    projectClaim: "pipeline_slug",
    issuer: ({ issuer }) => issuer ?? publicIssuer("buildkite"),
    describe: (text) => `${text("organization_slug")}/${text("pipeline_slug")} build ${text("build_number")}`,
    shownClaims: [
      "organization_slug",
      "pipeline_slug",
      "build_number",
      "build_branch",
      "build_tag",
      "build_commit",
      "build_source",
      "step_key",
      "job_id",
    ],
    // Whoever starts a build by hand or through the API names any commit and any branch with it.
    trusted: (project) => ({
      organization_slug: needed(project, "organization"),
      pipeline_slug: needed(project, "pipeline"),
      build_branch: branchPattern(project),
      build_source: "webhook|schedule",
    }),
    pullRequests: (project) => ({
      claims: {
        organization_slug: needed(project, "organization"),
        pipeline_slug: needed(project, "pipeline"),
        build_branch: "{branch**}",
      },
      scope: "branch-{organization_slug}-{pipeline_slug}-{branch}",
    }),
  },
  circleci: {
    projectClaim: circleOrigin,
    issuer: (project) =>
      project.issuer ?? `${publicIssuer("circleci")}/org/${needed(project, "organization")}`,
    audience: (project) => needed(project, "organization"),
    describe: (text) => `${text(circleOrigin)} job ${text("oidc.circleci.com/job-id")}`,
    shownClaims: [
      circleOrigin,
      circleRef,
      "oidc.circleci.com/project-id",
      "oidc.circleci.com/pipeline-id",
      "oidc.circleci.com/workflow-id",
      "oidc.circleci.com/job-id",
    ],
    // A fork's job has the fork's origin. Whoever runs a job again with SSH may do in it what they like.
    trusted: (project) => ({
      [circleOrigin]: needed(project, "repository"),
      [circleRef]: `refs/heads/${branchPattern(project)}`,
      "oidc.circleci.com/ssh-rerun": "false",
    }),
    pullRequests: (project) => ({
      claims: {
        [circleOrigin]: needed(project, "repository"),
        [circleRef]: "refs/heads/{branch**}",
      },
      scope: `branch-{${circleOrigin}}-{branch}`,
    }),
  },
};

/**
 * Issuers that sign for everybody, and the claims that tell whose job it is, with what stands around the owner, in capitals. Not
 * GitHub's `job_workflow_ref`: a workflow that is public runs for whoever calls it.
 */
const sharedIssuers: Record<string, Record<string, string>> = {
  [publicIssuer("github")]: {
    repository: "OWNER/",
    repository_id: "ID",
    repository_owner: "OWNER",
    repository_owner_id: "ID",
    workflow_ref: "OWNER/",
    enterprise_id: "ID",
    sub: "repo:OWNER/",
  },
  [publicIssuer("gitlab")]: {
    project_path: "GROUP/",
    project_id: "ID",
    namespace_path: "GROUP/",
    namespace_id: "ID",
    ci_config_ref_uri: "gitlab.com/GROUP/",
    sub: "project_path:GROUP/",
  },
  [publicIssuer("buildkite")]: {
    organization_slug: "ORGANIZATION",
    organization_id: "ID",
    pipeline_id: "ID",
    sub: "organization:ORGANIZATION:",
  },
};

/** The claims that tell whose job it is, if the issuer signs for everybody. */
export function ownerClaims(issuer: string): readonly string[] | undefined {
  const shapes = ownerShapes(issuer);
  return shapes && Object.keys(shapes);
}

/**
 * A policy for an issuer that signs for everybody has to name each owner whose jobs it takes.
 * @throws Refusal `bad_request` if one could be anybody.
 */
export function checkOwner(issuer: string, claims: ReadonlyMap<string, ClaimPattern>): void {
  const shapes = Object.entries(ownerShapes(issuer) ?? {});
  const isNamed = ([name, shape]: [string, string]) => {
    const pattern = claims.get(name);
    return pattern !== undefined && namesOwner(pattern, shape);
  };
  if (shapes.length === 0 || shapes.some(isNamed)) return;
  const ways = shapes.map(([name, shape]) => `${name}=${shape.replace(/[/:]$/, "$&**")}`).join(", ");
  throw new Refusal(
    "bad_request",
    `${issuer} signs for everybody, so a policy has to name the owner of the jobs in full, before anything that varies: one of ` +
      `${ways}.`,
  );
}

function ownerShapes(issuer: string): Record<string, string> | undefined {
  return Object.hasOwn(sharedIssuers, issuer) ? sharedIssuers[issuer] : undefined;
}

/** Whether each alternative has the owner's name up to its end: `acme*` would take acme-evil, too. */
function namesOwner(pattern: ClaimPattern, shape: string): boolean {
  const [before = "", after] = shape.split(/[A-Z]+/);
  return beginnings(pattern).every(({ text, isWhole }) => {
    if (!text.startsWith(before)) return false;
    const rest = text.slice(before.length);
    const [owner = ""] = rest.split(/[/:]/, 1);
    if (owner === "") return false;
    return owner === rest ? isWhole : rest[owner.length] === after;
  });
}

/** For the jobs on the branch, whose work everybody may read. @throws Refusal `bad_request` if something is missing. */
export function trustedPolicy(provider: CiProvider, project: CiProject): PolicyTemplate {
  return {
    label: `${provider} ${projectName(project)} ${project.branch}`,
    issuer: providers[provider].issuer(project),
    claims: providers[provider].trusted(project),
    scope: "",
  };
}

/** For the jobs of pull requests, or of other branches where the service does not tell. @throws Refusal `bad_request`. */
export function pullRequestPolicy(provider: CiProvider, project: CiProject): PolicyTemplate {
  const { claims, scope } = providers[provider].pullRequests(project);
  const label = `${provider} ${projectName(project)} pull requests`;
  return { label, issuer: providers[provider].issuer(project), claims, scope };
}

/** The service whose jobs a policy takes, as far as it says: the issuer may be one's own server, the claims written by hand. */
export function providerOfPolicy(policy: {
  issuer: string;
  claims: Readonly<Record<string, string>>;
}): CiProvider | undefined {
  const host = URL.parse(policy.issuer)?.host;
  return (
    ciProviders.find((name) => issuerHosts[name] === host) ??
    ciProviders.find((name) => policy.claims[providers[name].projectClaim] !== undefined)
  );
}

/** The audience that the service's tokens have by themselves, if jobs cannot simply choose one. */
export function fixedAudience(provider: CiProvider, project: CiProject): string | undefined {
  return providers[provider].audience?.(project);
}

function projectName({ repository, organization, pipeline }: CiProject): string {
  return repository ?? `${organization}/${pipeline}`;
}

/** What is there for one project alone: a pattern would be taken to the letter, and let no job in. */
function needed(project: CiProject, what: "repository" | "organization" | "pipeline"): string {
  const value = project[what];
  if (!value) {
    throw new Refusal(
      "bad_request",
      `A policy for this provider needs the ${what} of the jobs. docs/ci.md has an example for each provider.`,
    );
  }
  if (!patternSigns.test(value)) return value;
  throw new Refusal(
    "bad_request",
    `A ${what} is the name of one, and "${value}" is none. For several, make a policy for each, or write one by hand, with an ` +
      "issuer and claims: docs/ci.md tells how.",
  );
}

/** Signs of patterns, here or elsewhere, that no name has. */
const patternSigns = /[*?[\]{}|\\]/;

/**
 * As the claims have it. Of all signs only * has a meaning here; ** would take Buildkite's branches of forks, which have a colon.
 * @throws Refusal `bad_request`.
 */
function branchPattern({ branch }: CiProject): string {
  if (branch && !/^refs\/|\*\*|[\s:]/.test(branch) && !patternSigns.test(branch.replaceAll("*", "")))
    return branch;
  throw new Refusal(
    "bad_request",
    `"${branch}" is no branch. Write its name, such as main; a * in it stands for anything but /, as in release/*. ` +
      "For more, write a policy by hand, with an issuer and claims: docs/ci.md tells how.",
  );
}

/** The claim has it with its owner, so a name alone would let no job in. */
function wholeRepository(project: CiProject): string {
  const repository = needed(project, "repository");
  if (/^[^/\s]+(\/[^/\s]+)+$/.test(repository)) return repository;
  throw new Refusal("bad_request", `"${repository}" names no owner. Write owner/name, such as acme/web.`);
}

const maxShownLength = 200;

/** Which job it was, in one line that is fit for a name, such as `github acme/web run 123`. */
export function describeJob(claims: Readonly<Record<string, unknown>>): string {
  const provider = providerOf(claims);
  const text = (claim: string) => (claimText(claims[claim]) ?? "").replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
  const job = provider ? providers[provider].describe(text) : text("sub");
  return `${provider ?? hostOf(text("iss"))} ${job}`.slice(0, 100).toWellFormed().trim();
}

/**
 * What is kept of the claims for later: some that are known and those that a policy asked for, none at length.
 * @param askedFor names of claims.
 */
export function shownClaims(
  claims: Readonly<Record<string, unknown>>,
  askedFor: readonly string[],
): Record<string, string> {
  const provider = providerOf(claims);
  const names = new Set(["iss", "sub", ...(provider ? providers[provider].shownClaims : []), ...askedFor]);
  const shown = [...names].map((name) => [name, claimText(claims[name])?.slice(0, maxShownLength)] as const);
  return Object.fromEntries(shown.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** By a claim that each service alone has, since its issuer may be one's own server. */
function providerOf(claims: Readonly<Record<string, unknown>>): CiProvider | undefined {
  if (claims.repository !== undefined && claims.run_id !== undefined) return "github";
  if (claims.project_path !== undefined && claims.job_id !== undefined) return "gitlab";
  if (claims.pipeline_slug !== undefined) return "buildkite";
  return claims["oidc.circleci.com/job-id"] === undefined ? undefined : "circleci";
}

function hostOf(issuer: string): string {
  return URL.parse(issuer)?.host ?? "ci";
}
