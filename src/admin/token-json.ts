import { tokenState } from "../identity/token-state.ts";
import type { Token } from "../identity/tokens.ts";
import { isoTime } from "./iso-time.ts";

/** A token as scripts see it, as of now. */
export function tokenJson(token: Token) {
  return {
    id: token.id,
    name: token.name,
    team: token.teamSlug,
    teamId: token.teamId,
    user: token.userEmail,
    permission: token.permission,
    scope: token.scope,
    state: tokenState(token),
    createdAt: isoTime(token.createdAt),
    createdBy: token.createdBy,
    policyId: token.policyId,
    claims: token.claims,
    expiresAt: isoTime(token.expiresAt),
    revokedAt: isoTime(token.revokedAt),
    lastUsedAt: isoTime(token.lastUsedAt),
  };
}
