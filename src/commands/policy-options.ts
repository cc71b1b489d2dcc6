import {
  type CiProject,
  type CiProvider,
  fixedAudience,
  pullRequestPolicy,
  trustedPolicy,
} from "../identity/ci-providers.ts";
import type { NewPolicy } from "../identity/policies.ts";
import type { Permission } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";

/** The flags of `larder policy create` that say what the policies are like. */
export interface PolicyOptions {
  provider?: CiProvider;
  repository?: string;
  organization?: string;
  pipeline?: string;
  branch?: string;
  only?: "trusted" | "pull-requests";
  issuer?: string;
  audience?: string;
  claim?: string[];
  scope?: string;
  trusted?: true;
  name?: string;
  permission?: Permission;
  expires?: number;
}

/** Whose they are is yet to be said, and for whom the tokens have to be, unless a flag or the provider does. */
export type WantedPolicy = Omit<NewPolicy, "teamId" | "audience"> & { audience?: string };

/**
 * What is to be created: the two policies of a provider, or the one that is written by hand.
 * @throws Refusal `bad_request` for flags that do not go together.
 */
export function wantedPolicies(options: PolicyOptions): WantedPolicy[] {
  const { provider, permission = "write", expires } = options;
  const rest = { permission, ...(expires !== undefined && { tokenMaxAgeMs: expires }) };
  return provider === undefined
    ? [{ ...rest, ...ownPolicy(options) }]
    : readyMade(provider, options).map((policy) => ({ ...rest, ...policy }));
}

function readyMade(provider: CiProvider, options: PolicyOptions) {
  const { branch = "main", only, name } = options;
  if (options.scope !== undefined || options.trusted)
    throw new Refusal("bad_request", "--provider chooses the scopes itself; --only keeps it to one policy.");
  const { repository, organization, pipeline, issuer } = options;
  const project: CiProject = {
    branch,
    ...(repository !== undefined && { repository }),
    ...(organization !== undefined && { organization }),
    ...(pipeline !== undefined && { pipeline }),
    ...(issuer !== undefined && { issuer }),
  };
  const audience = options.audience ?? fixedAudience(provider, project);
  const made = [
    ...(only === "pull-requests" ? [] : [trustedPolicy(provider, project)]),
    ...(only === "trusted" ? [] : [pullRequestPolicy(provider, project)]),
  ];
  return made.map(({ label, claims, ...template }, index) => ({
    ...template,
    name: named(name, index) ?? label.slice(0, 100),
    claims: { ...claims, ...claimsOf(options.claim) },
    ...(audience !== undefined && { audience }),
  }));
}

function named(name: string | undefined, index: number): string | undefined {
  return name === undefined || index === 0 ? name : `${name} pull requests`;
}

function ownPolicy(options: PolicyOptions) {
  const { issuer, scope, trusted, audience } = options;
  for (const flag of ["repository", "organization", "pipeline", "branch", "only"] as const) {
    if (options[flag] !== undefined)
      throw new Refusal("bad_request", `--${flag} goes with --provider; without one, use --claim.`);
  }
  if (issuer === undefined)
    throw new Refusal("bad_request", "Give --provider, or --issuer and --claim for any other.");
  // Nobody shall trust strangers for a flag that was forgotten.
  if ((scope === undefined || scope === "") === (trusted === undefined)) {
    throw new Refusal(
      "bad_request",
      "Say what becomes of what the jobs write: --trusted for everybody to read, or --scope to keep it apart.",
    );
  }
  const name = options.name ?? (URL.parse(issuer)?.host ?? "ci").slice(0, 100);
  return {
    name,
    issuer,
    claims: claimsOf(options.claim),
    scope: scope ?? "",
    ...(audience !== undefined && { audience }),
  };
}

function claimsOf(given: readonly string[] = []): Record<string, string> {
  const entries = given.map((text) => {
    const at = text.indexOf("=");
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    throw new Refusal(
      "bad_request",
      "--claim takes the name of a claim and a pattern, such as ref=refs/heads/main.",
    );
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length)
    throw new Refusal(
      "bad_request",
      "Two patterns for one claim go into one --claim, such as event=push|schedule.",
    );
  return Object.fromEntries(entries);
}
