import { turborepo } from "../tools.ts";

/** What requests are counted apart by. */
export interface RouteClass {
  readonly route: string;
  /** Whose artifacts it is about; empty where it is about none. */
  readonly tool: string;
}

const artifactRoutes = ["get", "head", "put", "query", "events", "other"] as const;

const classesOfTurbo = Object.fromEntries(
  artifactRoutes.map((name) => [name, { route: `artifact_${name}`, tool: turborepo.name }]),
) as Record<(typeof artifactRoutes)[number], RouteClass>;

const otherRoutes = [
  "account",
  "oauth",
  "sign_in",
  "api",
  "dashboard",
  "health",
  "metrics",
  "other",
] as const;
type OtherRoute = (typeof otherRoutes)[number];

const otherClasses = Object.fromEntries(otherRoutes.map((route) => [route, { route, tool: "" }])) as Record<
  OtherRoute,
  RouteClass
>;

/** All of them: few, and none that a stranger could add to. */
export const routeClasses: readonly RouteClass[] = [
  ...Object.values(classesOfTurbo),
  ...Object.values(otherClasses),
];

/** First segments of paths, but those of the cache itself. What is none of them and was found is the dashboard's. */
const classOfSegment = new Map<string, OtherRoute>([
  ["v2", "account"],
  ["v3", "account"],
  ["v5", "account"],
  ["registration", "account"],
  ["oauth", "oauth"],
  ["sign-in", "sign_in"],
  ["sign-out", "sign_in"],
  ["sign-out-everywhere", "sign_in"],
  ["setup", "sign_in"],
  ["password", "sign_in"],
  ["account", "sign_in"],
  ["turborepo", "sign_in"],
  ["openapi.json", "api"],
  ["health", "health"],
  ["metrics", "metrics"],
]);

/**
 * @param path without the query; undefined where the request had none that could be read.
 * @param basePath the prefix of every route, or empty.
 */
export function routeClassOf(
  method: string,
  path: string | undefined,
  basePath: string,
  status: number,
): RouteClass {
  if (path === undefined) return otherClasses.other;
  const isBelow = path.startsWith(basePath) && path.charCodeAt(basePath.length) === slash;
  let start = isBelow ? basePath.length + 1 : 1;
  // turbo adds its path to an address that ends with a slash.
  if (path.charCodeAt(start) === slash) start++;
  if (path.startsWith("v8/artifacts", start)) return artifactClass(method, path, start + 12);
  if (path.startsWith("artifacts", start)) return artifactClass(method, path, start + 9);
  const end = path.indexOf("/", start);
  const segment = end === -1 ? path.slice(start) : path.slice(start, end);
  // One page of those that turbo opens in a browser has a path like those of the API.
  if (segment === "api") return otherClasses[path.startsWith("api/auth/", start) ? "sign_in" : "api"];
  const isNowhere = status === 404 || status === 405;
  return otherClasses[classOfSegment.get(segment) ?? (isNowhere ? "other" : "dashboard")];
}

const slash = "/".charCodeAt(0);

/** @param rest where the path goes on behind `artifacts`. */
function artifactClass(method: string, path: string, rest: number): RouteClass {
  const { get, head, put, query, events, other } = classesOfTurbo;
  if (rest === path.length) return method === "POST" ? query : other;
  if (path.charCodeAt(rest) !== slash || path.indexOf("/", rest + 1) !== -1) return otherClasses.other;
  if (path.endsWith("/status")) return other;
  if (path.endsWith("/events")) return method === "POST" ? events : other;
  switch (method) {
    case "GET":
      return get;
    case "HEAD":
      return head;
    case "PUT":
      return put;
    default:
      return other;
  }
}
