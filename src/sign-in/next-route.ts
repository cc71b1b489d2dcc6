/** Where a sign-in leads that was not asked for by another page. */
export const homeRoute = "/dashboard";

const maxLength = 8_000;

/**
 * The route to go to after a sign-in, from a text that anybody may have put into a link: a path on this server, whatever a
 * browser makes of it, or else `homeRoute`.
 */
export function nextRoute(text: string | null): string {
  if (text === null || text.length > maxLength) return homeRoute;
  // Browsers take a backslash for a slash, and drop tabs and line feeds (WHATWG URL, 4.4).
  if (!/^\/(?![/\\])/.test(text) || /[\\\p{C}]/u.test(text)) return homeRoute;
  const url = URL.parse(text, "http://larder.invalid");
  // `/..//host` is a path until its dots are worked out.
  if (url?.origin !== "http://larder.invalid" || url.pathname.startsWith("//")) return homeRoute;
  return url.pathname + url.search;
}
