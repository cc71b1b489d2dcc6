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

/** For an address of its own: the same for anybody, and nothing else. */
export function metricsAlone(metrics: Metrics): (request: Request) => Promise<Response> {
  return async (request) => {
    if (new URL(request.url).pathname !== "/metrics") return plain("Only /metrics is here.\n", 404);
    if (request.method !== "GET" && request.method !== "HEAD")
      return plain("Use GET or HEAD.\n", 405, { allow: "GET, HEAD" });
    return await metricsAnswer(metrics);
  };
}

async function metricsAnswer(metrics: Metrics): Promise<Response> {
  return new Response(await metrics.text(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
}

function plain(text: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
}
