/**
 * Where the pages lie, as the browser sees it. A route is a path as the code names it, such as `/account`, with its query; a
 * proxy may have put a prefix before it, taken one away, or be the one that speaks HTTPS.
 */
export class Site {
  /**
   * @param publicUrl the URL that browsers use, without a slash at its end, if it is known.
   * @param basePath the prefix of every route, such as `/cache`, or empty.
   */
  constructor(
    private readonly publicUrl: string | undefined,
    private readonly basePath: string,
  ) {}

  /** Without a slash at the end, such as `https://host/cache`. */
  baseUrl(request: Request): string {
    if (this.publicUrl !== undefined) return this.publicUrl;
    const { host } = new URL(request.url);
    return `${this.isHttps(request) ? "https" : "http"}://${host}${this.basePath}`;
  }

  /** Whether the browser speaks HTTPS, to us or to a proxy. */
  isHttps(request: Request): boolean {
    if (this.publicUrl !== undefined) return this.publicUrl.startsWith("https:");
    // Each proxy adds its own: the first is the one that the browser speaks to.
    const [forwarded] = request.headers.get("x-forwarded-proto")?.split(",") ?? [];
    return request.url.startsWith("https:") || forwarded?.trim().toLowerCase() === "https";
  }

  /** The prefix of every path, such as `/cache`, or empty. */
  prefix(request: Request): string {
    return new URL(this.baseUrl(request)).pathname.replace(/\/$/, "");
  }

  /** For links and forms. */
  path(request: Request, route: string): string {
    return this.prefix(request) + route;
  }

  /** The route that a request asks for, with its query. */
  routeOf(request: Request): string {
    const { pathname, search } = new URL(request.url);
    const isBelow = this.basePath !== "" && pathname.startsWith(`${this.basePath}/`);
    return (isBelow ? pathname.slice(this.basePath.length) : pathname) + search;
  }

  /** Sends the browser to a route, with GET. @param cookies values of Set-Cookie. */
  redirect(request: Request, route: string, cookies: readonly string[] = []): Response {
    const headers = new Headers({ location: this.path(request, route), "cache-control": "no-store" });
    for (const cookie of cookies) headers.append("set-cookie", cookie);
    return new Response(null, { status: 303, headers });
  }

  /** Sends the browser to sign in, and then back to the page that it asked for. */
  redirectToSignIn(request: Request): Response {
    const next = request.method === "GET" || request.method === "HEAD" ? this.routeOf(request) : "/account";
    return this.redirect(request, signInRoute(next));
  }
}

/** @param next the route to go to afterwards. */
export function signInRoute(next: string): string {
  return `/sign-in?${new URLSearchParams({ next })}`;
}
