import { html } from "../http/html.ts";
import { page } from "../http/page.ts";
import type { Site } from "../http/site.ts";
import type { JsonErrors, Thrown } from "./error-page.ts";

/**
 * What people see where there is nothing; programs get what `jsonErrors` says, as for everything else. Below a base path, the
 * root of the server leads to it.
 */
export function unknownPage(jsonErrors: JsonErrors, site: Site) {
  return async (thrown: Thrown): Promise<Response> => {
    const { code, request } = thrown;
    const answer = await jsonErrors(thrown);
    if (code !== "NOT_FOUND" || answer.status !== 404 || !isForPeople(request)) return answer;
    // Where browsers see no prefix, it would lead to itself.
    if (new URL(request.url).pathname === "/" && site.prefix(request) !== "")
      return site.redirect(request, "/");
    const title = "There is no such page";
    return page({
      title,
      status: 404,
      body: html`<h1>${title}</h1>
<p>This larder has nothing at this address. Check it for typing errors.</p>
<p><a class="button" href="${site.path(request, "/")}">To the start page</a></p>`,
    });
  };
}

/** Browsers name HTML when they open a page. Programs take anything, or JSON. */
function isForPeople({ method, headers }: Request): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  const ranges = headers.get("accept")?.split(",") ?? [];
  return ranges.some(
    (range) => /^\s*text\/html\s*(;|$)/i.test(range) && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range),
  );
}
