/*
 * The page says which prefix the server's paths have for this browser, such as `/cache` behind a proxy; none is empty.
 * A module may not be told so any other way: a script in the page is what the page's policy forbids.
 */
const prefix = document.documentElement.dataset.prefix ?? "";

/** Where the pages of this folder lie. */
export const dashboardBase = `${prefix}/dashboard`;

/** The path of a route of the server, for links that leave the dashboard and for requests. */
export function serverPath(route: string): string {
  return prefix + route;
}
