import type { Server } from "bun";
import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";
import { requestId } from "./request-id.ts";
import type { RequestNotes } from "./request-notes.ts";

export interface ListenOptions {
  /** Answers a request; it never rejects. */
  handle: (request: Request) => Promise<Response> | Response;
  host: string;
  /** 0 for any free one. */
  port: number;
  /** A connection on which nothing moves for so long is closed. At most 255 seconds. */
  idleTimeoutMs: number;
  notes: RequestNotes;
  log: Logger;
}

export interface Listener {
  readonly port: number;
  /**
   * Takes no new connections and waits for the transfers under way, at most `withinMs`; then cuts them.
   * @returns whether all of them were complete.
   */
  drain(withinMs: number): Promise<boolean>;
}

const pollMs = 10;
const clearUpMs = 1_000;

/** Bodies are bounded by the routes, which can say so in the answer; the server's own limit would cut them off mute. */
const noBodyLimit = Number.MAX_SAFE_INTEGER;

/** @throws Refusal when the address cannot be had. */
export function listen({ handle, host, port, idleTimeoutMs, notes, log }: ListenOptions): Listener {
  let draining = false;
  let handling = 0;

  const fetch = async (request: Request, server: Server<undefined>): Promise<Response> => {
    const startedAt = performance.now();
    const id = requestId(request.headers.get("x-request-id"));
    const address = server.requestIP(request)?.address;
    handling++;
    const response = await handle(request);
    handling--;
    response.headers.set("x-request-id", id);
    if (draining) response.headers.set("connection", "close");
    log.info(
      {
        requestId: id,
        method: request.method,
        // Never the query: it is not ours to know what a client puts there.
        path: pathOf(request.url),
        status: response.status,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        address,
        client: request.headers.get("user-agent") ?? undefined,
        ...notes.of(request),
      },
      "request",
    );
    return response;
  };

  const server = start();
  return {
    port: server.port as number,
    drain: (withinMs) => {
      draining = true;
      return drain(server, withinMs, () => handling);
    },
  };

  function start() {
    try {
      return Bun.serve({
        hostname: host,
        port,
        // Two servers must never share a port unawares.
        reusePort: false,
        idleTimeout: Math.min(Math.ceil(idleTimeoutMs / 1000), 255),
        maxRequestBodySize: noBodyLimit,
        development: false,
        fetch,
      });
    } catch (error) {
      throw new Refusal("unavailable", cannotListen(host, port, error as { code?: string; message: string }));
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

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return url.slice(start, end === -1 ? undefined : end);
}

function cannotListen(host: string, port: number, error: { code?: string; message: string }): string {
  if (error.code === "EADDRINUSE") {
    return `Port ${port} is in use on ${host}. Stop what listens there, or choose another with --port.`;
  }
  if (error.code === "EACCES")
    return `No permission to listen on port ${port}. Choose one above 1023 with --port.`;
  return `Cannot listen on ${host}, port ${port}: ${error.message}. Check --host and --port.`;
}
