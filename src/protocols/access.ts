import { bearer } from "@elysiajs/bearer";
import { Elysia } from "elysia";
import { principalFor, requirePermission } from "../identity/access.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import { type Credential, ownerOf, type Principal } from "../identity/principal.ts";
import type { RateLimiter } from "../identity/rate-limiter.ts";
import type { Permission } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";

export interface AccessOptions {
  authenticator: Authenticator;
  rateLimiter: RateLimiter;
  /** Told who asks, and then for which team where that was not clear before, for the access log. */
  onAsker: (request: Request, asker: Credential | Principal) => void;
}

/**
 * Lets a route declare what it needs: `{ access: "write" }`. The handler then has `principal` and `team`, the team that
 * `teamId` and `slug` name. Refused: 401 unknown, 403 not allowed or another team's, 429 too many requests.
 */
export function access({ authenticator, rateLimiter, onAsker }: AccessOptions) {
  return new Elysia({ name: "access" })
    .onTransform({ as: "global" }, wantsQueryAndHeaders)
    .use(bearer())
    .macro({
      access: (needed: Permission) => ({
        resolve: async ({ bearer, headers, query, request }) => {
          const secret = secretOf(headers.authorization, bearer);
          const credential = await authenticator.authenticate(secret);
          if (!credential) {
            throw new Refusal(
              "unauthorized",
              "This token is unknown, expired or revoked. `larder token create` makes a new one.",
            );
          }
          const [first, ...others] = credential.principals;
          const only = others.length === 0 ? first : undefined;
          onAsker(request, only ?? credential);
          rateLimiter.take(ownerOf(credential));
          const principal = principalFor(credential, query);
          if (!only) onAsker(request, principal);
          requirePermission(principal, needed);
          return { principal, team: principal.team };
        },
      }),
    });
}

/**
 * Elysia reads the text of hooks and handlers to learn which parts of a request they want, and leaves out the others. In a
 * minified binary it misreads some, the bearer plugin's among them; what stands here it reads right.
 */
const wantsQueryAndHeaders = (context: { query: unknown; headers: unknown }) => {
  void [context.query, context.headers];
};

/**
 * The bearer plugin also looks into the query when the header has another scheme. A secret has no place in a URL, so only
 * the header counts; and there the scheme's case does not matter (RFC 9110, 11.1).
 */
function secretOf(authorization: string | undefined, bearer: string | undefined): string {
  const secret = authorization?.startsWith("Bearer ")
    ? bearer
    : /^bearer +(.*)$/i.exec(authorization ?? "")?.[1];
  const trimmed = secret?.trim();
  if (trimmed) return trimmed;
  throw new Refusal(
    "unauthorized",
    'Send the header "Authorization: Bearer <token>" (turbo: set TURBO_TOKEN).',
  );
}
