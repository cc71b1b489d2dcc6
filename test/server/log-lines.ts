/** One line of the server's log. */
export interface LogLine {
  level: string;
  msg: string;
  requestId?: string;
  method?: string;
  path?: string;
  status?: number;
  [field: string]: unknown;
}

/** Throws if there is anything in it that is not JSON. Lines are written in batches; the last ones come when the server ends. */
export function logLines(stderr: string): LogLine[] {
  return stderr
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** What the server took for a fault of its own. */
export function errorLines(stderr: string): LogLine[] {
  return logLines(stderr).filter(({ level }) => level === "error");
}
