import { type Logger, type LoggerOptions as PinoOptions, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import { withoutSecrets } from "../without-secrets.ts";
import { jsonRequestLog, type RequestLog, requestLog } from "./access-log.ts";
import { LogBuffer } from "./log-buffer.ts";

export interface LoggerOptions {
  level: "error" | "warn" | "info" | "debug";
  /** `auto` is pretty on a terminal. */
  format: "auto" | "pretty" | "json";
}

export interface ServerLog {
  log: Logger;
  logRequest: RequestLog;
}

/** Whatever somebody sent, and wherever it is logged. */
const masked = { hooks: { streamWrite: withoutSecrets } } satisfies PinoOptions;

/** Lines in JSON: `jsonRequestLog` writes the same. */
export const jsonLines = {
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
} satisfies PinoOptions;

/** What `auto` comes to. */
export function chosenFormat(format: LoggerOptions["format"]): "pretty" | "json" {
  if (format !== "auto") return format;
  return process.stderr.isTTY ? "pretty" : "json";
}

/** Writes to standard error, one line each: standard output is for what a person or a script asked for. */
export function createLog({ level, format }: LoggerOptions): ServerLog {
  if (chosenFormat(format) === "pretty") {
    const stream = pretty({
      destination: 2,
      sync: true,
      ignore: "pid,hostname",
      translateTime: "SYS:HH:MM:ss",
    });
    const log = pino({ level, ...masked }, stream);
    return { log, logRequest: requestLog(log) };
  }
  const lines = new LogBuffer(2);
  const log = pino({ level, ...jsonLines, ...masked }, lines);
  const maskedLines = { write: (line: string) => lines.write(withoutSecrets(line)) };
  return { log, logRequest: log.isLevelEnabled("info") ? jsonRequestLog(maskedLines) : () => {} };
}
