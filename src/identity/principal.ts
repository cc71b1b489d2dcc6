import type { Actor } from "../audit/audit-log.ts";
import type { Team } from "./teams.ts";
import type { Permission } from "./tokens.ts";

/** Who asks, for one team, whatever the proof was. */
export interface Principal {
  /** For logs: the token's name. Never its secret. */
  readonly name: string;
  /** Null for the environment's `TURBO_TOKEN`. */
  readonly tokenId: string | null;
  /** Whose token it is; null for one of the team's own. */
  readonly userId: string | null;
  /** Under which a CI job got its token; null for all others. */
  readonly policyId: string | null;
  readonly permission: Permission;
  readonly team: Team;
  /** Empty for a trusted one; else the scope that it reads before the trusted one, and writes. */
  readonly scope: string;
  /** Nobody in particular: the request had no token, and its team lets anybody read. */
  readonly isAnonymous?: true;
}

/** What a secret proves: who asks, and for which teams. */
export interface Credential {
  readonly name: string;
  readonly tokenId: string | null;
  readonly userId: string | null;
  readonly policyId: string | null;
  /**
   * Under whom requests are counted: the token, and for those of CI jobs whoever gets them, since a job may get any number.
   */
  readonly owner: string;
  /** The most that it may do anywhere. */
  readonly permission: Permission;
  /** Empty for a trusted one, see `Principal`. */
  readonly scope: string;
  /** Milliseconds since 1970; null for one without an end. */
  readonly expiresAt: number | null;
  /** It is good for the whole server: of an administrator, who gave it the permission `admin` and no scope. */
  readonly isServerAdmin: boolean;
  /** One for each team that it is good for; a team's own token has just one. */
  readonly principals: readonly Principal[];
}

/** Whom a policy gives tokens to: jobs of one subject count together. */
export function ownerOfJob(policyId: string, subject: unknown): string {
  return `${policyId} ${subject}`;
}

/** For the audit log. */
export function actorOf(
  { tokenId, name, isAnonymous }: Pick<Principal, "tokenId" | "name" | "isAnonymous">,
  address: string | null,
): Actor {
  return { kind: isAnonymous ? "anonymous" : "token", id: tokenId, name, address };
}
