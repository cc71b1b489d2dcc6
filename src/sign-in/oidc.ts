import { Elysia } from "elysia";
import type { BrowserSessions } from "../http/browser-session.ts";
import { html } from "../http/html.ts";
import { page } from "../http/page.ts";
import { type Site, signInRoute } from "../http/site.ts";
import type { OidcProvider } from "../identity/oidc-provider.ts";
import type { OidcUsers } from "../identity/oidc-users.ts";
import { Refusal } from "../refusal.ts";
import { onlyPageMethods, type PageErrors } from "./error-page.ts";
import { homeRoute, nextRoute } from "./next-route.ts";
import { OidcCookie } from "./oidc-cookie.ts";
import { ProviderLimiter } from "./provider-limiter.ts";
import type { SignInChoice } from "./sign-in.ts";

export interface OidcOptions {
  provider: OidcProvider;
  oidcUsers: OidcUsers;
  /** Seals the cookie of a sign-in that has begun. */
  cookieKey: string;
  site: Site;
  browserSessions: BrowserSessions;
  addressOf: (request: Request) => string | null;
  /** Told why a sign-in is refused, for the access log. */
  onRefusal: (request: Request, refusal: Refusal) => void;
  errors: PageErrors;
}

const route = "/sign-in/oidc";
const callbackRoute = `${route}/callback`;
const statuses: Partial<Record<Refusal["code"], number>> = {
  bad_request: 400,
  too_many_requests: 429,
  unavailable: 503,
};
/** With more in it, browsers would not keep the cookie (RFC 6265, 6.1). */
const maxNextLength = 2_000;

/** The button on the sign-in page. */
export function oidcChoice({ name }: OidcProvider): SignInChoice {
  return { label: `Sign in with ${name}`, route };
}

/** `/sign-in/oidc`, which leads to the provider, and `/sign-in/oidc/callback`, which that leads back to. */
export function oidcRoutes(options: OidcOptions) {
  const { provider, oidcUsers, site, browserSessions, addressOf, onRefusal, errors } = options;
  const cookie = new OidcCookie(site, route, options.cookieKey);
  // Apart, so that whoever begins many hinders nobody who comes back.
  const begins = new ProviderLimiter();
  const ends = new ProviderLimiter();
  const redirectUri = (request: Request) => site.baseUrl(request) + callbackRoute;

  const begin = async ({ request }: { request: Request }) => {
    const asked = nextRoute(new URL(request.url).searchParams.get("next"));
    const next = asked.length > maxNextLength ? homeRoute : asked;
    try {
      begins.take(addressOf(request));
      const { url, attempt } = await provider.begin(redirectUri(request));
      return new Response(null, {
        status: 303,
        headers: {
          location: url.href,
          "cache-control": "no-store",
          "set-cookie": cookie.begin(request, { ...attempt, next }),
        },
      });
    } catch (error) {
      return failed(request, error, next);
    }
  };

  const finish = async ({ request }: { request: Request }) => {
    const begun = cookie.read(request);
    const isOver = cookie.end(request);
    try {
      if (!begun) throw tooLate();
      ends.take(addressOf(request));
      const callbackUrl = new URL(redirectUri(request) + new URL(request.url).search);
      const claims = await provider.finish(callbackUrl, begun);
      const proof = await oidcUsers.admit(claims, addressOf(request));
      await oidcUsers.warnOfMissingTeams();
      const cookies = await browserSessions.open(request, proof);
      return site.redirect(request, nextRoute(begun.next), [...cookies, isOver]);
    } catch (error) {
      const answer = failed(request, error, nextRoute(begun?.next ?? null));
      // Whoever came too fast has not used the code yet, and can load the page again.
      if (answer.status !== 429) answer.headers.append("set-cookie", isOver);
      return answer;
    }
  };

  function failed(request: Request, error: unknown, next: string): Response {
    if (!(error instanceof Refusal)) throw error;
    onRefusal(request, error);
    return page({
      title: "Not signed in",
      status: statuses[error.code] ?? 403,
      ...(error.retryAfterSeconds !== undefined && {
        headers: { "retry-after": String(error.retryAfterSeconds) },
      }),
      body: html`<h1>Not signed in</h1>
<p>${error.message}</p>
<p><a class="button" href="${site.path(request, signInRoute(next))}">Back to sign-in</a></p>`,
    });
  }

  return new Elysia()
    .onError(errors)
    .get(route, begin)
    .use(onlyPageMethods(route, errors, "GET"))
    .get(callbackRoute, finish)
    .use(onlyPageMethods(callbackRoute, errors, "GET"));
}

function tooLate(): Refusal {
  return new Refusal(
    "bad_request",
    "This sign-in was begun in another browser or more than 10 minutes ago, or was ended already. Start again.",
  );
}
