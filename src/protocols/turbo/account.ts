import { Elysia } from "elysia";
import type { access } from "../../http/access.ts";
import { onlyMethods } from "../../http/allowed-methods.ts";
import type { ErrorHandler } from "../../http/errors.ts";
import { principalFor } from "../../identity/access.ts";
import type { ClientLogins } from "../../identity/client-logins.ts";
import type { Credential } from "../../identity/principal.ts";
import type { Users } from "../../identity/users.ts";
import { Refusal } from "../../refusal.ts";
import {
  environmentTokenAnswer,
  inactiveTokenAnswer,
  teamJson,
  tokenJson,
  userJson,
} from "./account-json.ts";
import { dialect } from "./dialect.ts";

export interface AccountOptions {
  users: Users;
  logins: ClientLogins;
  access: ReturnType<typeof access>;
  onError: ErrorHandler;
  /** From where a request comes, as far as that is known. */
  addressOf: (request: Request) => string | null;
}

/**
 * What `turbo login`, `link` and `logout` ask besides the browser: who a token is, which teams it is good for, and whether it
 * is valid still. A slash at the end of TURBO_API comes out doubled here, too.
 */
export function turboAccount(options: AccountOptions) {
  return new Elysia({ name: "turbo-account" })
    .onError(options.onError(dialect))
    .use(accountRoutes("", options))
    .use(accountRoutes("/", options));
}

function accountRoutes<const Prefix extends "" | "/">(
  prefix: Prefix,
  { users, logins, access, addressOf }: AccountOptions,
) {
  const userOf = async ({ userId }: Credential) => (userId === null ? undefined : await users.find(userId));
  const paths = {
    user: `${prefix}/v2/user`,
    teams: `${prefix}/v2/teams`,
    team: `${prefix}/v2/teams/:team`,
    token: `${prefix}/v5/user/tokens/current`,
    logout: `${prefix}/v3/user/tokens/current`,
    verify: `${prefix}/registration/verify`,
  } as const;

  return (
    new Elysia()
      .use(access)
      .get(
        paths.user,
        async ({ credential }) => Response.json({ user: userJson(credential, await userOf(credential)) }),
        { asker: "known" },
      )
      .options(paths.user, () => preflight("GET"))
      .use(onlyMethods(paths.user, "GET", "OPTIONS"))

      .get(
        paths.teams,
        ({ credential: { principals } }) =>
          Response.json({
            teams: principals.map(teamJson),
            pagination: { count: principals.length, next: null, prev: null },
          }),
        { asker: "known" },
      )
      .options(paths.teams, () => preflight("GET"))
      .use(onlyMethods(paths.teams, "GET", "OPTIONS"))

      .get(
        paths.team,
        // Null where the router could not decode it, whatever its types say; and no name is no wish for any team.
        ({ credential, params }) =>
          Response.json(teamJson(principalFor(credential, { slug: params.team ?? "%" }))),
        { asker: "known" },
      )
      .options(paths.team, () => preflight("GET"))
      .use(onlyMethods(paths.team, "GET", "OPTIONS"))

      .get(
        paths.token,
        async ({ secret, credential }) => {
          if (!credential) return inactiveTokenAnswer();
          const token = await logins.find(secret);
          return token ? Response.json({ token: tokenJson(token) }) : environmentTokenAnswer(credential);
        },
        { secret: "any" },
      )
      .options(paths.token, () => preflight("GET"))
      .use(onlyMethods(paths.token, "GET", "OPTIONS"))

      // turbo (2.11.11) takes nothing but 200 for an end, and keeps its token otherwise.
      .delete(
        paths.logout,
        async ({ request, secret }) => {
          const token = await logins.end(secret, addressOf(request));
          return Response.json({ tokenId: token?.id ?? null });
        },
        { secret: "any" },
      )
      .options(paths.logout, () => preflight("DELETE"))
      .use(onlyMethods(paths.logout, "DELETE", "OPTIONS"))

      // Asked without a token, with the link that the browser brought (turbo 2.11.11).
      .get(paths.verify, async ({ request, query }) => {
        const { token: link = "", tokenName = "" } = query as Record<string, string | undefined>;
        const made = await logins.redeemLink(link, tokenName || "turbo login", addressOf(request));
        if (!made) {
          throw new Refusal(
            "bad_request",
            "This sign-in is unknown, used or expired. Run `turbo login` again.",
          );
        }
        return Response.json({ token: made.secret, teamId: made.teamId }, { headers: secretHeaders });
      })
      .options(paths.verify, () => preflight("GET"))
      .use(onlyMethods(paths.verify, "GET", "OPTIONS"))
  );
}

const secretHeaders = { "cache-control": "no-store" };

/** For those who ask before each request; no other site's page gets in. */
function preflight(method: "GET" | "DELETE"): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": `${method}, OPTIONS`,
      "access-control-allow-headers": "Authorization, Content-Type, User-Agent",
    },
  });
}
