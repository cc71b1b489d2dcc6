import type { Logger } from "pino";

/** What the log says of every request. */
export interface RequestLine {
  /** Letters, digits and `._:+/=-` only. */
  requestId: string;
  method: string;
  /** Never with the query: it is not ours to know what a client puts there. */
  path: string | undefined;
  status: number;
  /** Until the answer began; a download may go on for long. */
  durationMs: number;
  address: string | undefined;
  client: string | undefined;
}

/** @param notes what only those who answered the request know, such as the team. */
export type RequestLog = (line: RequestLine, notes: Record<string, unknown> | undefined) => void;

/** Logs requests as the logger logs everything else. */
export function requestLog(log: Logger): RequestLog {
  return (line, notes) => log.info({ ...line, ...notes }, "request");
}

/**
 * The same lines as the logger's in JSON. Most lines of a busy server are of this kind, so they are put together here where
 * their form is known, in a fifth of the time.
 */
export function jsonRequestLog(lines: { write(line: string): void }): RequestLog {
  let lastMs = 0;
  let lastTime = "";
  return ({ requestId, method, path, status, durationMs, address, client }, notes) => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      lastTime = new Date(nowMs).toISOString();
    }
    lines.write(
      `{"level":"info","time":"${lastTime}","requestId":"${requestId}"${field("method", method)}${field("path", path)}` +
        `,"status":${status},"durationMs":${durationMs}${field("address", address)}${field("client", client)}` +
        `${members(notes)},"msg":"request"}\n`,
    );
  };
}

function members(notes: Record<string, unknown> = {}): string {
  const json = JSON.stringify(notes);
  return json === "{}" ? "" : `,${json.slice(1, -1)}`;
}

const needsEscape = /[^\x20-\x7e]|["\\]/;

function field(name: string, text: string | undefined): string {
  if (text === undefined) return "";
  return `,"${name}":${needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`}`;
}
