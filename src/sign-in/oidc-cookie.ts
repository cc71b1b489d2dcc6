import { createHmac, timingSafeEqual } from "node:crypto";
import type { Site } from "../http/site.ts";
import type { OidcAttempt } from "../identity/oidc-provider.ts";

/** How long somebody may take to sign in at the provider. */
const attemptMaxAgeMs = 600_000;

/** A sign-in that has begun, and where it leads. */
export interface Begun extends OidcAttempt {
  next: string;
}

/** What the browser keeps of a sign-in at the provider while that lasts. It cannot make one up. */
export class OidcCookie {
  /** @param key the same for all servers that one browser may meet. */
  constructor(
    private readonly site: Site,
    private readonly route: string,
    private readonly key: string,
  ) {}

  /** @returns the value of Set-Cookie. */
  begin(request: Request, begun: Begun, now = Date.now()): string {
    const text = Buffer.from(JSON.stringify({ ...begun, begunAt: now })).toString("base64url");
    return this.cookie(request, `${text}.${this.seal(text)}`, attemptMaxAgeMs / 1000);
  }

  /** @returns the value of Set-Cookie that takes it away. */
  end(request: Request): string {
    return this.cookie(request, "", 0);
  }

  /** Undefined where there is none, it is too old, or not ours. */
  read(request: Request, now = Date.now()): Begun | undefined {
    const [text, seal, ...others] = this.valueIn(request)?.split(".") ?? [];
    if (!text || !seal || others.length > 0 || !isSame(seal, this.seal(text))) return undefined;
    const { begunAt, ...begun } = JSON.parse(Buffer.from(text, "base64url").toString());
    // A browser's clock is its own, and a copy of a cookie has no end.
    return Math.abs(now - begunAt) <= attemptMaxAgeMs ? begun : undefined;
  }

  private valueIn(request: Request): string | undefined {
    const name = this.name(request);
    for (const pair of request.headers.get("cookie")?.split(";") ?? []) {
      const [key, ...value] = pair.split("=");
      if (key?.trim() === name) return value.join("=").trim();
    }
    return undefined;
  }

  /**
   * Browsers take one with the prefix from this very host only, over HTTPS, for all its paths (RFC 6265bis, 4.1.3.2). Else
   * another host of the domain could plant its own sign-in, and whoever comes back would be signed in as somebody else.
   */
  private name(request: Request): string {
    return this.site.isHttps(request) ? "__Host-larder_oidc" : "larder_oidc";
  }

  private cookie(request: Request, value: string, maxAgeSeconds: number): string {
    const isHttps = this.site.isHttps(request);
    return [
      `${this.name(request)}=${value}`,
      `Path=${isHttps ? "/" : this.site.path(request, this.route)}`,
      `Max-Age=${maxAgeSeconds}`,
      "HttpOnly",
      // The provider's own page leads back, which Strict would take for another site's doing.
      "SameSite=Lax",
      ...(isHttps ? ["Secure"] : []),
    ].join("; ");
  }

  private seal(text: string): string {
    return createHmac("sha256", this.key).update(text).digest("base64url");
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
