import { type AnyElysia, Elysia } from "elysia";
import { refusalAnswer } from "../http/answer.ts";
import { dropBody } from "../http/refused-body.ts";
import { Refusal } from "../refusal.ts";

/**
 * What HTTP wants besides the routes of the API: HEAD wherever there is GET (RFC 9110, 9.1), and 405 with `Allow` where a path
 * is there, and the method is not.
 */
export function restOfApi(api: AnyElysia) {
  const prefix = api.config.prefix ?? "";
  const known = api.routes.map(({ method, path }) => ({ method, matches: matcherOf(path) }));
  const rest = new Elysia({ prefix });
  for (const { method, path, handler, hooks } of api.routes) {
    // The server leaves the body out of an answer to HEAD and keeps its length.
    if (method === "GET") rest.route("HEAD", path.slice(prefix.length), handler, hooks);
  }
  return rest.all(
    "/*",
    async ({ request }) => {
      const { pathname } = new URL(request.url);
      const at = pathname.indexOf(prefix);
      const route = at < 0 ? pathname : pathname.slice(at);
      const methods = new Set(known.filter(({ matches }) => matches.test(route)).map(({ method }) => method));
      if (methods.has("GET")) methods.add("HEAD");
      const answer = refusalAnswer(refusalOf(request.method, pathname, [...methods].sort()));
      answer.headers.set("cache-control", "no-store");
      if (methods.size > 0) answer.headers.set("allow", [...methods].sort().join(", "));
      if (!(await dropBody(request))) answer.headers.set("connection", "close");
      return answer;
    },
    { parse: "none" },
  );
}

function refusalOf(method: string, path: string, allowed: readonly string[]): Refusal {
  return allowed.length > 0
    ? new Refusal("method_not_allowed", `${method} is not allowed here. Use ${allowed.join(", ")}.`)
    : new Refusal("not_found", `There is no ${path} in the API. /api lists all that there is.`);
}

function matcherOf(path: string): RegExp {
  const pattern = path
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[^\w-]/g, "\\$&")))
    .join("/");
  return new RegExp(`^${pattern}$`);
}
