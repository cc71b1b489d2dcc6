import { Refusal, type RefusalCode } from "../refusal.ts";

/** What each refusal is in the Remote Cache API; other protocols may need a table of their own. */
const statusOf: Record<RefusalCode, number> = {
  bad_request: 400,
  // Nobody reads this one; logs of web servers know it as "client closed request".
  aborted: 499,
  unauthorized: 401,
  blocked: 402,
  forbidden: 403,
  remote_caching_disabled: 403,
  remote_caching_over_limit: 403,
  remote_caching_paused: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  too_many_requests: 429,
  unavailable: 503,
  no_space: 507,
};

/** The answer to a refused request. */
export function refusalAnswer(refusal: Refusal, headers: Record<string, string> = {}): Response {
  return errorAnswer(statusOf[refusal.code], refusal.code, refusal.message, {
    // RFC 9110, 11.6.1: a 401 names the scheme that would do.
    ...(refusal.code === "unauthorized" && { "www-authenticate": 'Bearer realm="larder"' }),
    ...(refusal.retryAfterSeconds !== undefined && { "retry-after": String(refusal.retryAfterSeconds) }),
    ...headers,
  });
}

/**
 * An error body that satisfies both published shapes: flat `{code, message}` (the OpenAPI document), and wrapped
 * `{error: {code, message}}`, the only one that turbo reads (2.11.11, on 403).
 */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ code, message, error: { code, message } }, { status, headers });
}

export function notFound(message: string): Response {
  return refusalAnswer(new Refusal("not_found", message));
}
