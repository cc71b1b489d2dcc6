import type { Token } from "./tokens.ts";

export const tokenStates = ["valid", "expired", "revoked", "disabled"] as const;
export type TokenState = (typeof tokenStates)[number];

/** What has become of a token, as of now; `disabled` if it is of a user who is. */
export function tokenState(token: Token): TokenState {
  if (token.revokedAt !== null) return "revoked";
  if (token.expiresAt !== null && token.expiresAt <= Date.now()) return "expired";
  return token.userDisabledAt !== null ? "disabled" : "valid";
}
