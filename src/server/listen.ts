import type { Server } from "bun";
import type { Logger } from "pino";
import { noFileToOpen, Refusal } from "../refusal.ts";
import type { RequestLog } from "./access-log.ts";
import { isHost } from "./host.ts";
import { requestId } from "./request-id.ts";
import type { Requests } from "./requests.ts";

export interface ListenOptions {
  /** Answers a request. */
  handle: (request: Request) => Promise<Response> | Response;
  /** Words the answer to a request that cannot even be handled. */
  refuse: (refusal: Refusal) => Response;
  host: string;
  /** 0 for any free one. */
  port: number;
  /** A connection on which nothing moves for so long is closed. At most 255 seconds. */
  idleTimeoutMs: number;
  requests: Requests;
  log: Logger;
  logRequest: (...logged: [...Parameters<RequestLog>, headers: Headers]) => void;
  /** The settings that the address is from, to name in errors. */
  flags?: { host: string; port: string };
}

export interface Listener {
  readonly port: number;
  /**
   * Takes no new connections and waits for the transfers under way, at most `withinMs`; then cuts them.
   * @returns whether all of them were complete.
   */
  drain(withinMs: number): Promise<boolean>;
}

/** Bodies are bounded by the routes, which can say so in the answer; the server's own limit would cut them off mute. */
const noBodyLimit = Number.MAX_SAFE_INTEGER;
const maxLoggedLength = 300;
const printable = /^[\x20-\x7e]*$/;
const pollMs = 10;
const clearUpMs = 1_000;

/** @throws Refusal `unavailable` when the address cannot be had. */
export function listen({
  handle,
  refuse,
  host,
  port,
  idleTimeoutMs,
  requests,
  log,
  logRequest,
  flags = { host: "--host", port: "--port" },
}: ListenOptions): Listener {
  let draining = false;
  let handling = 0;

  const answer = async (carried: Request): Promise<Response> => {
    const startedAt = performance.now();
    const id = requestId(carried.headers.get("x-request-id"));
    const address = requests.addressOf(carried) ?? undefined;
    const request = withHost(carried);
    handling++;
    const response = await answerTo(request);
    handling--;
    response.headers.set("x-request-id", id);
    // Browsers shall take nothing for what it does not say it is, whoever uploaded it.
    response.headers.set("x-content-type-options", "nosniff");
    if (draining) response.headers.set("connection", "close");
    logRequest(
      {
        requestId: id,
        method: carried.method,
        path: request && forLog(pathOf(request.url)),
        status: response.status,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        address,
        client: forLog(carried.headers.get("user-agent")),
      },
      request && notesForLog(requests.notesOf(request)),
      carried.headers,
    );
    return response;
  };

  /** A fault must not reach the server, which would take it for the end of the process. */
  const answerTo = async (request: Request | undefined): Promise<Response> => {
    if (!request) return refuse(new Refusal("bad_request", "The request's Host is no host name."));
    try {
      return await handle(request);
    } catch (error) {
      return fault(error, "request failed");
    }
  };

  const fault = (error: unknown, what: string): Response => {
    log.error({ err: error }, what);
    return new Response("Something went wrong in larder; its log says what.\n", { status: 500 });
  };

  const failedAnswer = (error: Error & { code?: string }): Response => {
    const answer = fault(error, "answer failed");
    return error.code === "EMFILE" || error.code === "ENFILE" ? refuse(noFileToOpen(error.code)) : answer;
  };

  const idleSeconds = Math.min(Math.ceil(idleTimeoutMs / 1000), 255);
  const server = start();
  requests.carriedBy(server, idleSeconds);
  return {
    port: server.port as number,
    drain: (withinMs) => {
      draining = true;
      return drain(server, withinMs, () => handling);
    },
  };

  function start(): Server<undefined> {
    try {
      return Bun.serve({
        hostname: host,
        port,
        // Two servers must never share a port unawares.
        reusePort: false,
        idleTimeout: idleSeconds,
        maxRequestBodySize: noBodyLimit,
        development: false,
        fetch: answer,
        // For what goes wrong after `answer`: the server opens the files of answers itself.
        error: (error) => failedAnswer(error),
      });
    } catch (error) {
      throw new Refusal(
        "unavailable",
        cannotListen(host, port, flags, error as { code?: string; message: string }),
      );
    }
  }
}

async function drain(server: Server<undefined>, withinMs: number, handling: () => number): Promise<boolean> {
  const stopped = server.stop();
  // The server would also wait for connections that ask for nothing, so what counts is the requests.
  const complete = await becomesZero(() => server.pendingRequests, withinMs);
  await server.stop(true);
  await stopped;
  // Those that were cut still have their temporary files to remove.
  await becomesZero(handling, clearUpMs);
  return complete;
}

async function becomesZero(count: () => number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (count() > 0 && performance.now() < deadline) await Bun.sleep(pollMs);
  return count() === 0;
}

/**
 * The request with a whole URL, which the routes rely on. Without a Host, as load balancers ask in HTTP/1.0, the URL is but
 * a path.
 * @returns undefined for a Host that makes no URL.
 */
function withHost(request: Request): Request | undefined {
  const host = request.headers.get("host");
  if (host) return isHost(host) ? request : undefined;
  return new Request(`http://localhost${pathAndQueryOf(request.url)}`, request);
}

function pathAndQueryOf(url: string): string {
  return url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("//") + 2));
}

function pathOf(url: string): string {
  const path = pathAndQueryOf(url);
  const end = path.indexOf("?");
  return end === -1 ? path : path.slice(0, end);
}

/** A refusal may repeat what the client sent. */
function notesForLog(notes: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  return typeof notes?.reason === "string" ? { ...notes, reason: forLog(notes.reason) } : notes;
}

/** Nothing in a line that a terminal obeys, and no line without end. */
function forLog(text: string | null): string | undefined {
  if (text === null) return undefined;
  if (text.length <= maxLoggedLength && printable.test(text)) return text;
  return text.slice(0, maxLoggedLength).replace(/[^\x20-\x7e]/g, "?");
}

function cannotListen(
  host: string,
  port: number,
  flags: { host: string; port: string },
  error: { code?: string; message: string },
): string {
  // For a host that cannot be resolved Bun (1.4.4) gives whatever code the system left behind, such as EADDRINUSE or EEXIST.
  if (error.code !== "EMFILE" && error.code !== "ENFILE" && !isOfThisMachine(host)) {
    return `${host} is no address of this machine. Choose one of its own with ${flags.host}, or 0.0.0.0 for all of them.`;
  }
  if (error.code === "EADDRINUSE") {
    return `Port ${port} is in use on ${host}. Stop what listens there, or choose another with ${flags.port}.`;
  }
  if (error.code === "EACCES")
    return `No permission to listen on port ${port}. Choose one above 1023 with ${flags.port}.`;
  return `Cannot listen on ${host}, port ${port}: ${error.message}. Check ${flags.host} and ${flags.port}.`;
}

/** Then any free port can be had there. */
function isOfThisMachine(host: string): boolean {
  try {
    void Bun.serve({ hostname: host, port: 0, fetch: () => new Response() }).stop(true);
    return true;
  } catch {
    return false;
  }
}
