import type { Logger } from "pino";
import { choose } from "../database/choices.ts";
import type { Database } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { OidcProvider, type OidcProviderOptions } from "./oidc-provider.ts";
import { OidcUsers } from "./oidc-users.ts";
import { randomText } from "./random.ts";
import type { SignInRule } from "./sign-in-rules.ts";

export interface OpenOidcOptions
  extends Pick<OidcProviderOptions, "clientSecret" | "scopes" | "groupsClaim"> {
  issuer: string | undefined;
  clientId: string | undefined;
  /** The issuer's host, if not said. */
  name: string | undefined;
  rules: readonly SignInRule[] | undefined;
  database: Database;
  log: Logger;
}

/** Single sign-on, as far as it is set up. */
export interface Oidc {
  provider: OidcProvider;
  oidcUsers: OidcUsers;
  /**
   * Shows a cookie of ours to be one. In the database, for all servers on it and after a restart: it lets nobody in, and with
   * it one could only ask the provider in vain.
   */
  cookieKey: string;
}

/**
 * Asks nothing of the provider yet. What is set up and can help nobody is logged.
 * @throws Refusal `bad_request` for settings that are not enough.
 */
export async function openOidc({
  issuer,
  clientId,
  name,
  rules = [],
  database,
  log,
  ...others
}: OpenOidcOptions): Promise<Oidc | undefined> {
  if (issuer === undefined && clientId === undefined) return undefined;
  if (issuer === undefined || clientId === undefined)
    throw new Refusal("bad_request", "oidcIssuer and oidcClientId go together: set both, or none of them.");
  const provider = new OidcProvider({
    ...others,
    issuer,
    clientId,
    name: name ?? new URL(issuer).host,
    needsGroups: rules.some(({ match }) => match.by === "group"),
    onFailure: (reason) => log.warn({ reason }, "single sign-on failed"),
  });
  const oidcUsers = new OidcUsers(database, rules, log);
  if (rules.length === 0) log.warn("nobody gets in by single sign-on: oidcAccess has no rules");
  await oidcUsers.warnOfMissingTeams();
  const cookieKey = await choose(database, "oidcCookieKey", () => randomText(43));
  return { provider, oidcUsers, cookieKey };
}
