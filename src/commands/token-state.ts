import type { Token } from "../identity/tokens.ts";

/** What has become of a token, as of now. */
export function tokenState(token: Token): "valid" | "expired" | "revoked" {
  if (token.revokedAt !== null) return "revoked";
  return token.expiresAt !== null && token.expiresAt <= Date.now() ? "expired" : "valid";
}
