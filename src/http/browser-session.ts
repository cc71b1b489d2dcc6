import { createHmac, timingSafeEqual } from "node:crypto";
import { type Session, type Sessions, userActor } from "../identity/sessions.ts";
import type { SignInProof } from "../identity/sign-in-proof.ts";
import type { User } from "../identity/users.ts";
import { Refusal } from "../refusal.ts";
import { readFormBody } from "./form.ts";
import type { Site } from "./site.ts";

/** Somebody who is signed in in the browser that asks. */
export interface SignedIn {
  user: User;
  session: Session;
  /** What each form of a page for this session has to send back, as the field `csrf`, and each script in a header. */
  csrfToken: string;
}

export interface BrowserSessionsOptions {
  sessions: Sessions;
  site: Site;
  sessionMaxAgeMs: number;
  /** Where a request comes from, as far as that is known. */
  addressOf: (request: Request) => string | null;
  /** Told who asks, for the access log. */
  onUser: (request: Request, user: User) => void;
}

/** In which scripts send back the session's `csrfToken`. */
const csrfHeader = "x-csrf-token";

const cookieName = "larder_session";
/** Browsers take a cookie of such a name from this very host only, over HTTPS, for all its paths (RFC 6265bis, 4.1.3.2). */
const secureCookieName = `__Host-${cookieName}`;

/** Who is signed in in which browser, as its cookies and forms tell. */
export class BrowserSessions {
  constructor(private readonly options: BrowserSessionsOptions) {}

  /** Undefined where nobody is. Looked up anew for each request, so that whoever is signed out is so at once. */
  async signedIn(request: Request): Promise<SignedIn | undefined> {
    const secret = this.secretOf(request);
    const found = secret === undefined ? undefined : await this.options.sessions.find(secret);
    if (!found || secret === undefined) return undefined;
    this.options.onUser(request, found.user);
    return { ...found, csrfToken: csrfTokenOf(secret) };
  }

  /**
   * Signs a user in. A session that the browser had before ends.
   * @returns the values of Set-Cookie that tell the browser.
   * @throws Refusal `unauthorized` when the proof holds no more.
   */
  async open(request: Request, proof: SignInProof): Promise<string[]> {
    const { sessions, sessionMaxAgeMs, addressOf, onUser } = this.options;
    await this.close(request);
    const place = { address: addressOf(request), client: request.headers.get("user-agent") };
    const secret = await sessions.open(proof, place, sessionMaxAgeMs);
    onUser(request, proof.user);
    return [this.cookie(request, secret, Math.floor(sessionMaxAgeMs / 1000))];
  }

  /** Signs the browser out. @returns the values of Set-Cookie that tell it. */
  async close(request: Request): Promise<string[]> {
    const { sessions, addressOf } = this.options;
    const secret = this.secretOf(request);
    const found = secret === undefined ? undefined : await sessions.find(secret);
    if (found && secret !== undefined)
      await sessions.close(secret, userActor(found.user, addressOf(request)));
    return [this.cookie(request, "", 0)];
  }

  /** The sessions of the one who is signed in, newest first. */
  async list(request: Request, { user }: SignedIn): Promise<(Session & { isCurrent: boolean })[]> {
    return await this.options.sessions.list(user.id, this.secretOf(request));
  }

  /**
   * Reads the form that a page of ours has sent.
   * @param signedIn whose session's page it has to be, if it is one for somebody signed in.
   * @throws Refusal `forbidden` for a form of another site or another session, `unauthorized` for a session that has ended
   *   when the form is there, and as `readFormBody`.
   */
  async readForm(request: Request, signedIn?: SignedIn): Promise<URLSearchParams> {
    if (!this.isSameOrigin(request)) {
      throw new Refusal(
        "forbidden",
        "This form came from another site than larder's own. Open larder's page itself, and try again.",
      );
    }
    const form = await readFormBody(request);
    // It may have come slowly, and whoever sent it may have been signed out or disabled meanwhile.
    if (signedIn && !(await this.signedIn(request)))
      throw new Refusal("unauthorized", "You have been signed out meanwhile. Sign in, and try again.");
    if (signedIn && !isSame(form.get("csrf") ?? "", signedIn.csrfToken)) {
      throw new Refusal("forbidden", "This page was made for another sign-in. Reload it, and try again.");
    }
    return form;
  }

  /**
   * To be asked before anything is changed for a request that a script of a page of ours has sent.
   * @throws Refusal `forbidden` for a script of another site or another session.
   */
  requireOwnScript(request: Request, { csrfToken }: SignedIn): void {
    if (!this.isSameOrigin(request)) {
      throw new Refusal(
        "forbidden",
        "This request came from another site than larder's own. Use larder's page itself, or a token.",
      );
    }
    if (isSame(request.headers.get(csrfHeader) ?? "", csrfToken)) return;
    throw new Refusal(
      "forbidden",
      `Send the header ${csrfHeader} with the csrfToken of GET /api/v1/me; it changes with each sign-in.`,
    );
  }

  /**
   * Browsers say where a form comes from. Sec-Fetch-Site, which they send over HTTPS and to this machine, knows nothing of
   * proxies, so it has the last word; elsewhere there is Origin, which names the host as the browser knows it.
   */
  private isSameOrigin(request: Request): boolean {
    const site = request.headers.get("sec-fetch-site");
    if (site !== null) return site === "same-origin";
    const origin = URL.parse(request.headers.get("origin") ?? "");
    if (!origin) return false;
    return (
      origin.host === new URL(request.url).host ||
      origin.origin === new URL(this.options.site.baseUrl(request)).origin
    );
  }

  private secretOf(request: Request): string | undefined {
    const name = this.options.site.isHttps(request) ? secureCookieName : cookieName;
    for (const pair of request.headers.get("cookie")?.split(";") ?? []) {
      const [key, ...value] = pair.split("=");
      if (key?.trim() === name) return value.join("=").trim();
    }
    return undefined;
  }

  private cookie(request: Request, secret: string, maxAgeSeconds: number): string {
    const { site } = this.options;
    const isHttps = site.isHttps(request);
    const path = isHttps ? "/" : site.prefix(request) || "/";
    return [
      `${isHttps ? secureCookieName : cookieName}=${secret}`,
      `Path=${path}`,
      `Max-Age=${maxAgeSeconds}`,
      "HttpOnly",
      // Strict would show the sign-in page to whoever comes by a link, and to browsers that a client has opened.
      "SameSite=Lax",
      ...(isHttps ? ["Secure"] : []),
    ].join("; ");
  }
}

/** Says nothing of the secret that it comes from, and stays the same for as long as the session lasts. */
function csrfTokenOf(secret: string): string {
  return createHmac("sha256", secret).update("csrf").digest("hex");
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
