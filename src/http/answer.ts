import type { Refusal, RefusalCode } from "../refusal.ts";
import { withoutSecrets } from "../without-secrets.ts";

/** How a protocol words a refusal, where its clients know it by other names than ours. */
export interface Dialect {
  codes?: Partial<Record<RefusalCode, string>>;
  /** Added to the message: what to do in that client's own terms. */
  hints?: Partial<Record<RefusalCode, string>>;
}

const statusOf: Record<RefusalCode, number> = {
  bad_request: 400,
  unauthorized: 401,
  team_blocked: 402,
  forbidden: 403,
  wrong_team: 403,
  signature_required: 403,
  team_disabled: 403,
  team_over_limit: 403,
  team_paused: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  larger_than_quota: 413,
  too_many_requests: 429,
  // Nobody reads this one; logs of web servers know it as "client closed request".
  aborted: 499,
  unavailable: 503,
  no_space: 507,
};

/** The answer to a refused request. */
export function refusalAnswer(refusal: Refusal, { codes = {}, hints = {} }: Dialect = {}): Response {
  const code = codes[refusal.code] ?? refusal.code;
  const hint = hints[refusal.code];
  return errorAnswer(statusOf[refusal.code], code, hint ? `${refusal.message} ${hint}` : refusal.message, {
    // RFC 9110, 11.6.1: a 401 names the scheme that would do.
    ...(refusal.code === "unauthorized" && { "www-authenticate": 'Bearer realm="larder"' }),
    ...(refusal.retryAfterSeconds !== undefined && { "retry-after": String(refusal.retryAfterSeconds) }),
  });
}

/**
 * An error body that satisfies both shapes of the Remote Cache API: flat `{code, message}` (the OpenAPI document), and
 * wrapped `{error: {code, message}}`, the only one that turbo reads (2.11.11, on 403).
 */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(errorBody(code, message), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function errorBody(code: string, said: string): string {
  const message = withoutSecrets(said);
  return JSON.stringify({ code, message, error: { code, message } });
}
