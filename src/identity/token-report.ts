import type { Database } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { requireEnabled } from "./access.ts";
import { isSecret } from "./secret.ts";
import type { IdentityServices } from "./services.ts";
import { readTokenReach, type TokenReach } from "./token-reach.ts";
import { tokenState } from "./token-state.ts";
import type { Token } from "./tokens.ts";

/** A token with what it may do as of now. */
export interface FoundToken {
  token: Token;
  reach: TokenReach;
}

/** What has become of the token with some secret. */
export interface TokenReport {
  /** Undefined where none has the secret that one may know of. */
  found: FoundToken | undefined;
  /** Why requests with it are refused; undefined where they are not. */
  problem: string | undefined;
}

/**
 * Whose secret it is, and whether it counts. It is not a use of the token, and nothing of it is kept.
 * @param mayKnow whether the one who asks may know of a token. One that he may not is as unknown as none.
 */
export async function examineSecret(
  secret: string,
  { tokens, teams }: Pick<IdentityServices, "tokens" | "teams">,
  database: Database,
  mayKnow: (token: Token) => boolean,
): Promise<TokenReport> {
  const token = await tokens.findBySecret(secret);
  if (!token || !mayKnow(token)) return { found: undefined, problem: whyUnknown(secret) };
  const reach = await readTokenReach(database, token);
  const problem = whyRefused(token) ?? (await whyNowhere(token, reach, teams));
  return { found: { token, reach }, problem };
}

function whyUnknown(secret: string): string {
  if (isSecret(secret))
    return "No token that you may see has this secret: it is wrong, or of another server.";
  if (secret.startsWith("lrd_"))
    return "This is mistyped, or not the whole of a secret: its last characters do not fit the others.";
  if (secret.startsWith("eyJ"))
    return "This is no token of larder's, but perhaps one that a CI service signed: test it with the CI policies.";
  return "This is no token of larder's: those begin with lrd_. One from the server's own environment is not looked up here.";
}

function whyRefused(token: Token): string | undefined {
  switch (tokenState(token)) {
    case "revoked":
      return `It was revoked at ${new Date(token.revokedAt as number).toISOString()}.`;
    case "expired":
      return `It expired at ${new Date(token.expiresAt as number).toISOString()}.`;
    case "disabled":
      return `Its user, ${token.userEmail}, is disabled.`;
    case "valid":
      return undefined;
  }
}

async function whyNowhere(
  { teamId, userEmail }: Token,
  reach: TokenReach,
  teams: IdentityServices["teams"],
): Promise<string | undefined> {
  if (teamId === null)
    return reach.teams.length > 0
      ? undefined
      : `Its user, ${userEmail}, is in no team, so it may act in none.`;
  try {
    requireEnabled(await teams.get(teamId));
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}
