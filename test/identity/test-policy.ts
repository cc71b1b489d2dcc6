import type { Policy } from "../../src/identity/policies.ts";

export const github = "https://token.actions.githubusercontent.com";

/** What takes the jobs on `main` of `acme/web`, but for whose it is. */
export const goodPolicy = {
  name: "main",
  issuer: github,
  audience: "larder",
  claims: { repository: "acme/web", ref: "refs/heads/main" },
  permission: "write",
  scope: "",
} as const;

/** The same as it is stored. */
export function policyOf(change: Partial<Policy>): Policy {
  return {
    ...goodPolicy,
    id: "pol_1",
    teamId: "team_1",
    teamSlug: "web",
    tokenMaxAgeMs: 1,
    isInternalAllowed: true,
    createdAt: 1,
    createdBy: null,
    ...change,
  };
}

/** What GitHub signs, with these claims. */
export const claimsOf = (claims: Record<string, unknown>) => ({ iss: github, aud: "larder", ...claims });
