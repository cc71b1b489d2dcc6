import { type Logger, pino } from "pino";
import { LogBuffer } from "./log-buffer.ts";

/** What the log says of one request. What is undefined is left out. */
export interface RequestLine {
  requestId: string;
  method: string;
  /** Never with the query: it is not ours to know what a client puts there. */
  path: string | undefined;
  status: number;
  /** Until the answer began; a download may go on for long. */
  durationMs: number;
  address: string | undefined;
  client: string | undefined;
  /** What only those who answered it know, such as the team. */
  [note: string]: unknown;
}

/**
 * Logs requests in the same form as the logger logs everything else. Most lines of a busy server are of this kind, so
 * they are put together here where the form allows it, in a fourth of the time.
 */
export function accessLog(log: Logger): (line: RequestLine) => void {
  const stream = (log as unknown as { [key: symbol]: unknown })[pino.symbols.streamSym];
  if (!log.isLevelEnabled("info")) return () => {};
  if (!(stream instanceof LogBuffer)) return (line) => log.info(line, "request");
  return (line) =>
    stream.write(
      `{"level":"info","time":"${new Date().toISOString()}",${JSON.stringify(line).slice(1, -1)},"msg":"request"}\n`,
    );
}
