import { serverPath } from "../site.ts";

/** An answer that is none of success, in the server's own words. */
export class ApiError extends Error {
  constructor(
    /** 0 where there was no answer at all. */
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What goes into a query. What is undefined or null is left out. */
export type Params = Record<string, string | number | boolean | null | undefined>;

export interface CallOptions {
  params?: Params;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

let csrfToken: string | undefined;

/** What each change has to be sent with, from `GET /me`. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/**
 * Asks the admin API. Whoever is signed out by now is led to sign in again, and back to here.
 * @param path below `/api/v1`, such as `/runs`.
 * @throws ApiError
 */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const { params = {}, body, signal } = options;
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  if (method !== "GET" && csrfToken !== undefined) headers.set("x-csrf-token", csrfToken);
  let answer: Response;
  try {
    answer = await fetch(apiUrl(path, params), {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "The server cannot be reached. Check that it runs, then try again.");
  }
  if (answer.status === 401) {
    const next = location.pathname.slice(serverPath("").length) + location.search;
    // There are words for it only where somebody was signed in before.
    const notice = csrfToken === undefined ? {} : { notice: "session-ended" };
    location.assign(`${serverPath("/sign-in")}?${new URLSearchParams({ ...notice, next })}`);
  }
  if (!answer.ok) throw await errorOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** The address of what the API answers, for links and event streams. */
export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return serverPath(`/api/v1${path}`) + (query.size > 0 ? `?${query}` : "");
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => ({}))) as { code?: unknown; message?: unknown };
  const message =
    typeof body.message === "string"
      ? body.message
      : `The server answered ${answer.status}, without saying why. Try again in a moment.`;
  return new ApiError(answer.status, typeof body.code === "string" ? body.code : "unknown", message);
}
