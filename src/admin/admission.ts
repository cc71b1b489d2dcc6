import type { Database } from "../database/database.ts";
import { bearerSecret } from "../http/bearer-secret.ts";
import type { BrowserSessions, SignedIn } from "../http/browser-session.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { Credential, Principal } from "../identity/principal.ts";
import type { RateLimiter } from "../identity/rate-limiter.ts";
import { identityServices } from "../identity/services.ts";
import { userActor } from "../identity/sessions.ts";
import { Refusal } from "../refusal.ts";
import { Caller } from "./caller.ts";

export interface AdmissionOptions {
  database: Database;
  authenticator: Authenticator;
  browserSessions: BrowserSessions;
  rateLimiter: RateLimiter;
  /** Where a request comes from, as far as that is known. */
  addressOf: (request: Request) => string | null;
  /** Told who asks with a token, for the access log. */
  onAsker: (request: Request, asker: Credential | Principal) => void;
}

/** Admits who asks the admin API: a token if one is sent, else whoever is signed in in the browser. */
export class Admission {
  private readonly admitted = new WeakMap<Request, Caller>();

  constructor(private readonly options: AdmissionOptions) {}

  /**
   * Who has sent a request, found and counted once however often it is asked.
   * @throws Refusal `unauthorized`, `too_many_requests`, and `forbidden` for untrusted work and other sites' scripts.
   */
  async admit(request: Request): Promise<Caller> {
    const before = this.admitted.get(request);
    if (before) return before;
    const { rateLimiter } = this.options;
    const { caller, owner } = await this.identify(request);
    rateLimiter.take(owner);
    this.admitted.set(request, caller);
    return caller;
  }

  /**
   * Finds out once more who has sent a request that was admitted, as things are now, and counts it no further: to be asked
   * when its body is there. Whoever sends it slowly may have lost his rights meanwhile.
   * @throws Refusal as `admit`.
   */
  async admitAgain(request: Request): Promise<void> {
    this.admitted.delete(request);
    this.admitted.set(request, (await this.identify(request)).caller);
  }

  /** The one whom `admit` has found. */
  of(request: Request): Caller {
    const caller = this.admitted.get(request);
    if (!caller) throw new Error("Nobody has been admitted with this request.");
    return caller;
  }

  /** Whoever sent a request, as things are now: undefined for somebody who may nothing here any more. */
  async lookAgain(request: Request): Promise<Caller | undefined> {
    try {
      return (await this.identify(request)).caller;
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  private async identify(request: Request): Promise<{ caller: Caller; owner: string }> {
    if (request.headers.has("authorization")) return await this.byToken(request);
    const signedIn = await this.options.browserSessions.signedIn(request);
    if (!signedIn) {
      throw new Refusal("unauthorized", 'Sign in, or send the header "Authorization: Bearer <token>".');
    }
    if (!isSafe(request)) this.options.browserSessions.requireOwnScript(request, signedIn);
    return await this.bySession(request, signedIn);
  }

  private async byToken(request: Request): Promise<{ caller: Caller; owner: string }> {
    const { authenticator, database, addressOf, onAsker } = this.options;
    const secret = bearerSecret(request);
    if (secret === undefined) {
      throw new Refusal("unauthorized", 'The header Authorization has to be "Bearer <token>".');
    }
    const credential = await authenticator.authenticate(secret);
    if (!credential) {
      throw new Refusal(
        "unauthorized",
        "This token is unknown, expired or revoked. `larder token create` makes a new one.",
      );
    }
    onAsker(request, credential);
    const { name, tokenId, userId, owner, permission, scope, expiresAt, isServerAdmin, principals } =
      credential;
    if (scope !== "") {
      throw new Refusal(
        "forbidden",
        "This token is for untrusted work, which may use the cache and nothing else. Use one without a scope.",
      );
    }
    const by = { kind: "token", id: tokenId, name, address: addressOf(request) } as const;
    const services = identityServices(database, by);
    const user = userId === null ? undefined : await services.users.find(userId);
    const caller = new Caller({
      kind: "token",
      user: user ? { id: user.id, email: user.email, name: user.name } : null,
      token: { id: tokenId, name },
      isServerAdmin,
      permission,
      expiresAt,
      csrfToken: null,
      grants: principals,
      by,
      services,
    });
    return { caller, owner };
  }

  private async bySession(
    request: Request,
    { user, csrfToken }: SignedIn,
  ): Promise<{ caller: Caller; owner: string }> {
    const { authenticator, database, addressOf } = this.options;
    const by = userActor(user, addressOf(request));
    const caller = new Caller({
      kind: "user",
      user: { id: user.id, email: user.email, name: user.name },
      token: null,
      isServerAdmin: user.role === "admin",
      permission: "admin",
      expiresAt: null,
      csrfToken,
      grants: await authenticator.grantsOf(user),
      by,
      services: identityServices(database, by),
    });
    return { caller, owner: user.id };
  }
}

/** Changes nothing (RFC 9110, 9.2.1). */
function isSafe({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}
