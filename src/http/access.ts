import { bearer } from "@elysiajs/bearer";
import { Elysia } from "elysia";
import {
  type AskedTeam,
  anyPrincipalFor,
  principalFor,
  requirePermission,
  tokenNeeded,
} from "../identity/access.ts";
import { placeOf } from "../identity/attempts.ts";
import { type Authenticator, anonymousToken } from "../identity/authenticator.ts";
import type { Credential, Principal } from "../identity/principal.ts";
import type { RateLimiter } from "../identity/rate-limiter.ts";
import type { RefusedWrites } from "../identity/refused-writes.ts";
import type { Permission } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";
import { bearerSecret } from "./bearer-secret.ts";

export interface AccessOptions {
  authenticator: Authenticator;
  rateLimiter: RateLimiter;
  /** Told whom a route refuses that needs more than to read. */
  refusedWrites: RefusedWrites;
  /** The artifact's hash among what a path has been taken apart into; undefined where there is none that could be one. */
  hashOf: (params: unknown) => string | undefined;
  /** Where a request comes from. */
  addressOf: (request: Request) => string | null;
  /** Told who asks, and then for which team where that was not clear before, for the access log. */
  onAsker: (request: Request, asker: Credential | Principal) => void;
}

/**
 * What a route needs: a permission, or as `anonymousRead` to read, for which some teams want no token; or as `anyTeam` the same
 * in whichever of the token's teams, if the request names none.
 */
export type Access = Permission | "anonymousRead" | "anyTeam";

/**
 * Lets a route declare what it needs: `{ access: "write" }`. The handler then has `principal`, `team`, the team that `teamId`
 * and `slug` name, and `owner`, under whom requests are counted. Refused: 401 unknown, 403 not allowed or another team's,
 * 429 too many requests.
 *
 * What is about the asker and no team declares `{ asker: "known" }` and has `credential`, refused as above; or
 * `{ secret: "any" }`, and has `secret`, whatever it may be worth, and its `credential` if it is valid.
 */
export function access(options: AccessOptions) {
  const { authenticator, rateLimiter, refusedWrites, hashOf, addressOf, onAsker } = options;
  const identify = async (request: Request, secret: string): Promise<Credential | undefined> => {
    const credential = await authenticator.authenticate(secret);
    if (!credential) return undefined;
    onAsker(request, onlyPrincipal(credential) ?? credential);
    rateLimiter.take(credential.owner);
    return credential;
  };
  const identifyKnown = async (request: Request, secret: string): Promise<Credential> => {
    const credential = await identify(request, secret);
    if (!credential) throw unknownToken();
    return credential;
  };
  /** @param secret undefined for none. */
  const admitAnonymous = async (request: Request, secret: string | undefined, asked: AskedTeam) => {
    const principal = await authenticator.authenticateAnonymous(asked);
    // The same whether the team wants a token or does not exist.
    if (!principal) throw secret === undefined ? noToken() : unknownToken();
    onAsker(request, principal);
    const owner = `${principal.name} ${placeOf(addressOf(request))}`;
    rateLimiter.take(owner);
    return { asker: principal, owner };
  };
  const admit = async (request: Request, secret: string | undefined, asked: AskedTeam) => {
    if (secret === undefined || secret === anonymousToken)
      return await admitAnonymous(request, secret, asked);
    const credential = await identifyKnown(request, secret);
    return { asker: credential, owner: credential.owner };
  };
  const principalOf = (
    request: Request,
    asker: Credential | Principal,
    asked: AskedTeam,
    needed: Access,
  ): Principal => {
    if ("team" in asker) return asker;
    const principal = needed === "anyTeam" ? anyPrincipalFor(asker, asked) : principalFor(asker, asked);
    if (!onlyPrincipal(asker)) onAsker(request, principal);
    return principal;
  };

  return new Elysia({ name: "access" })
    .use(bearer())
    .macro({
      access: (needed: Access) => ({
        resolve: async ({ bearer, headers, params, query, request }) => {
          const secret = headers.authorization === undefined ? undefined : secretOf(request, bearer);
          const { asker, owner } = await admit(request, secret, query);
          let known: Credential | Principal = asker;
          try {
            const principal = principalOf(request, asker, query, needed);
            known = principal;
            requireAccess(principal, needed);
            return { principal, team: principal.team, owner };
          } catch (error) {
            if (needed === "write" || needed === "admin") {
              const address = addressOf(request);
              await refusedWrites.record(known, error, { owner, hash: hashOf(params), address });
            }
            throw error;
          }
        },
      }),
    })
    .macro({
      asker: (_: "known") => ({
        resolve: async ({ bearer, request }) => ({
          credential: await identifyKnown(request, secretOf(request, bearer)),
        }),
      }),
      secret: (_: "any") => ({
        resolve: async ({ bearer, request }) => {
          const secret = secretOf(request, bearer);
          return { secret, credential: await identify(request, secret) };
        },
      }),
    });
}

function onlyPrincipal({ principals }: Credential): Principal | undefined {
  return principals.length === 1 ? principals[0] : undefined;
}

/** @throws Refusal `forbidden`. */
function requireAccess(principal: Principal, needed: Access): void {
  const isReading = needed === "anonymousRead" || needed === "anyTeam";
  if (principal.isAnonymous && !isReading) throw tokenNeeded(principal.team);
  requirePermission(principal, isReading ? "read" : needed);
}

function unknownToken(): Refusal {
  return new Refusal(
    "unauthorized",
    "This token is unknown, expired or revoked. `larder token create` makes a new one.",
  );
}

function noToken(): Refusal {
  return new Refusal("unauthorized", 'Send the header "Authorization: Bearer <token>".');
}

/**
 * The bearer plugin looks into the query, too, when the header has another scheme, or has it in another case.
 * @throws Refusal `unauthorized` where the header has none.
 */
function secretOf(request: Request, bearer: string | undefined): string {
  const isPlain = request.headers.get("authorization")?.startsWith("Bearer ");
  const secret = isPlain ? bearer?.trim() : bearerSecret(request);
  if (!secret) throw noToken();
  return secret;
}
