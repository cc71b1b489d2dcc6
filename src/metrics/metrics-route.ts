import { isIP } from "node:net";
import { Elysia } from "elysia";
import { onlyMethods } from "../http/allowed-methods.ts";
import type { ErrorHandler } from "../http/errors.ts";
import type { Guard } from "./guard.ts";
import type { Metrics } from "./metrics.ts";

export interface MetricsRouteOptions {
  metrics: Metrics;
  guard: Guard;
  onError: ErrorHandler;
}

/** `/metrics`, for those whom the guard lets through. */
export function metricsRoute({ metrics, guard, onError }: MetricsRouteOptions) {
  const show = async ({ request }: { request: Request }) => {
    await guard.admit(request);
    return await metricsAnswer(metrics);
  };
  return new Elysia()
    .onError(onError())
    .get("/metrics", show)
    .head("/metrics", show)
    .use(onlyMethods("/metrics", "GET", "HEAD"));
}

/**
 * For an address of its own: the same for anybody, and nothing else.
 * @param host that it listens on.
 */
export function metricsAlone(
  metrics: Pick<Metrics, "text" | "contentType">,
  host: string,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { hostname, pathname } = new URL(request.url);
    if (!isOwnHost(hostname, host))
      return plain(
        "Ask for /metrics by the address of this machine, or set metricsHost to the name that you use.\n",
        403,
      );
    if (pathname !== "/metrics") return plain("Only /metrics is here.\n", 404);
    if (request.method !== "GET" && request.method !== "HEAD")
      return plain("Use GET or HEAD.\n", 405, { allow: "GET, HEAD" });
    return await metricsAnswer(metrics);
  };
}

async function metricsAnswer(metrics: Pick<Metrics, "text" | "contentType">): Promise<Response> {
  return new Response(await metrics.text(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
}

/** Another name may be that of a web page whose owner has it lead here, so that scripts in a browser inside could read the answer. */
function isOwnHost(hostname: string, host: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(address) !== 0 || ["localhost", host.toLowerCase()].includes(hostname.toLowerCase());
}

function plain(text: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
}
