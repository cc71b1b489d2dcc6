import { normalEmail } from "./email.ts";
import type { MemberRole } from "./members.ts";
import type { UserRole } from "./users.ts";

/** Who may sign in with single sign-on, and what they may do then. */
export interface SignInRule {
  readonly match:
    | { readonly by: "any" }
    | { readonly by: "domain" | "email" | "group"; readonly value: string };
  /** A role on the whole server, or one in a team, which is named by its slug. */
  readonly grant: { readonly role: UserRole } | { readonly team: string; readonly role: MemberRole };
}

/** What a provider says of somebody who has signed in there. */
export interface OidcClaims {
  readonly issuer: string;
  /** The provider's own name for the person, which never passes to another. */
  readonly subject: string;
  readonly email: string | undefined;
  /** Undefined when the provider does not say. */
  readonly isEmailVerified: boolean | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
}

/** What all rules that match give together. */
export interface Grants {
  role: UserRole;
  /** By the slug of the team. */
  teams: Map<string, MemberRole>;
}

const memberRank: Record<MemberRole, number> = { viewer: 0, member: 1, owner: 2 };

/**
 * Undefined when no rule matches, and nobody may sign in then. Domains and addresses are compared in lower case and count only
 * if the provider has verified the address: else whoever may write an address into a form there could be anybody here.
 */
export function grantsOf(
  rules: readonly SignInRule[],
  claims: Pick<OidcClaims, "email" | "isEmailVerified" | "groups">,
): Grants | undefined {
  const matching = rules.filter((rule) => matches(rule, claims));
  if (matching.length === 0) return undefined;
  const grants: Grants = { role: "member", teams: new Map() };
  for (const { grant } of matching) {
    if (!("team" in grant)) {
      if (grant.role === "admin") grants.role = "admin";
      continue;
    }
    const before = grants.teams.get(grant.team);
    if (before === undefined || memberRank[grant.role] > memberRank[before])
      grants.teams.set(grant.team, grant.role);
  }
  return grants;
}

function matches(
  { match }: SignInRule,
  { email, isEmailVerified, groups }: Pick<OidcClaims, "email" | "isEmailVerified" | "groups">,
): boolean {
  if (match.by === "any") return true;
  if (match.by === "group") return groups.includes(match.value);
  if (email === undefined || isEmailVerified !== true) return false;
  const address = normalEmail(email);
  const value = normalEmail(match.value);
  return match.by === "email" ? address === value : address.slice(address.lastIndexOf("@") + 1) === value;
}

/** The slugs of all teams that the rules name. */
export function teamsNamedIn(rules: readonly SignInRule[]): string[] {
  return [...new Set(rules.flatMap(({ grant }) => ("team" in grant ? [grant.team] : [])))];
}
