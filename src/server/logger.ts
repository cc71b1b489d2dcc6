import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import { LogBuffer } from "./log-buffer.ts";

export interface LoggerOptions {
  level: "error" | "warn" | "info" | "debug";
  /** `auto` is pretty on a terminal. */
  format: "auto" | "pretty" | "json";
}

/** Writes to standard error, one line each: standard output is for what a person or a script asked for. */
export function createLogger({ level, format }: LoggerOptions): Logger {
  if (format === "pretty" || (format === "auto" && process.stderr.isTTY)) {
    const stream = pretty({
      destination: 2,
      sync: true,
      ignore: "pid,hostname",
      translateTime: "SYS:HH:MM:ss",
    });
    return pino({ level }, stream);
  }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    new LogBuffer(2),
  );
}
