import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export interface LoggerOptions {
  level: "error" | "warn" | "info" | "debug";
  /** `auto` is pretty on a terminal. */
  format: "auto" | "pretty" | "json";
}

/** What nobody reads from standard error is dropped beyond this, rather than kept in memory. */
const maxWaitingBytes = 8 * 1024 * 1024;

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
    // Lines are gathered for a moment, so that a request waits for none of them; what is left is written at the end.
    pino.destination({
      dest: 2,
      sync: false,
      minLength: 4096,
      periodicFlush: 500,
      maxLength: maxWaitingBytes,
    }),
  );
}
