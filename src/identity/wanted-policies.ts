import { Refusal } from "../refusal.ts";
import {
  type CiProject,
  type CiProvider,
  fixedAudience,
  pullRequestPolicy,
  trustedPolicy,
} from "./ci-providers.ts";
import type { NewPolicy } from "./policies.ts";
import type { Permission } from "./tokens.ts";

/** What whoever creates policies says of them, with `larder policy create` or over HTTP. */
export interface PolicyWish {
  provider?: CiProvider;
  repository?: string;
  organization?: string;
  pipeline?: string;
  branch?: string;
  only?: "trusted" | "pull-requests";
  issuer?: string;
  audience?: string;
  /** Pattern by claim. */
  claims?: Record<string, string>;
  scope?: string;
  trusted?: boolean;
  name?: string;
  permission?: Permission;
  tokenMaxAgeMs?: number;
}

/** Whose they are is yet to be said, and for whom the tokens have to be, unless the wish or the provider does. */
export type WantedPolicy = Omit<NewPolicy, "teamId" | "audience"> & { audience?: string };

/**
 * What is to be created: the two policies of a provider, or the one that is written by hand.
 * @throws Refusal `bad_request` for what does not go together.
 */
export function wantedPolicies(wish: PolicyWish): WantedPolicy[] {
  const { provider, permission = "write", tokenMaxAgeMs } = wish;
  const rest = { permission, ...(tokenMaxAgeMs !== undefined && { tokenMaxAgeMs }) };
  return provider === undefined
    ? [{ ...rest, ...ownPolicy(wish) }]
    : readyMade(provider, wish).map((policy) => ({ ...rest, ...policy }));
}

function readyMade(provider: CiProvider, wish: PolicyWish) {
  const { branch = "main", only, name } = wish;
  if (wish.scope !== undefined || wish.trusted)
    throw new Refusal(
      "bad_request",
      "A provider's policies have their scopes already: say neither a scope nor trusted. To make one of the two policies, ask " +
        "for only trusted, or only pull-requests.",
    );
  const { repository, organization, pipeline, issuer } = wish;
  const project: CiProject = {
    branch,
    ...(repository !== undefined && { repository }),
    ...(organization !== undefined && { organization }),
    ...(pipeline !== undefined && { pipeline }),
    ...(issuer !== undefined && { issuer }),
  };
  const audience = wish.audience ?? fixedAudience(provider, project);
  const made = [
    ...(only === "pull-requests" ? [] : [trustedPolicy(provider, project)]),
    ...(only === "trusted" ? [] : [pullRequestPolicy(provider, project)]),
  ];
  return made.map(({ label, claims, ...template }, index) => ({
    ...template,
    name: named(name, index) ?? label.slice(0, 100),
    claims: { ...claims, ...wish.claims },
    ...(audience !== undefined && { audience }),
  }));
}

function named(name: string | undefined, index: number): string | undefined {
  return name === undefined || index === 0 ? name : `${name} pull requests`;
}

function ownPolicy(wish: PolicyWish) {
  const { issuer, scope, trusted, audience } = wish;
  for (const what of ["repository", "organization", "pipeline", "branch", "only"] as const) {
    if (wish[what] !== undefined)
      throw new Refusal("bad_request", `A ${what} goes with a provider; without one, say it with claims.`);
  }
  if (issuer === undefined)
    throw new Refusal("bad_request", "Name a provider, or the issuer and claims of any other.");
  // Nobody shall trust strangers for a flag that was forgotten.
  if ((scope === undefined || scope === "") === !trusted) {
    throw new Refusal(
      "bad_request",
      "Say what becomes of what the jobs write: `trusted` for everybody to read, or a `scope` to keep it apart.",
    );
  }
  const name = wish.name ?? (URL.parse(issuer)?.host ?? "ci").slice(0, 100);
  return {
    name,
    issuer,
    claims: wish.claims ?? {},
    scope: scope ?? "",
    ...(audience !== undefined && { audience }),
  };
}
