import { join } from "node:path";
import { endWithUs, pinned } from "../processes.ts";
import type { ServerKind } from "../servers/server.ts";

/**
 * `get` asks for the artifacts 0 to `keys` - 1 in turn, `miss` for random ones, `put` uploads distinct bodies under distinct
 * keys, `mixed` does nine `get` for each `put`, and `query` asks about 100 artifacts at a time.
 */
export interface LoadOptions {
  mode: "get" | "miss" | "put" | "mixed" | "query";
  connections: number;
  durationSeconds: number;
  /** Of each body, in whichever direction it goes. */
  sizeBytes: number;
  keys?: number;
}

export interface Load {
  /** Answers that came whole. */
  requests: number;
  /** All that came in, headers and unfinished answers too. */
  bytes: number;
  durationMs: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers of status 400 and up. */
  refused: number;
  /** Connections that failed, and answers that took more than a minute. */
  broken: number;
}

export function findWrk(): string | undefined {
  return Bun.which("wrk") ?? undefined;
}

let runs = 0;

/**
 * Puts load on a server.
 * @throws Error unless every answer was the one that the mode is after.
 */
export async function putLoad(
  kind: Pick<ServerKind, "path" | "headers">,
  url: string,
  options: LoadOptions,
): Promise<Load> {
  const { mode, connections, durationSeconds, sizeBytes, keys = 1 } = options;
  const child = Bun.spawn(
    pinned("load", [
      ...["wrk", "--threads", "1", "--connections", String(connections), "--duration", `${durationSeconds}s`],
      ...["--timeout", "60s", "--script", join(import.meta.dir, "requests.lua"), url],
    ]),
    {
      env: {
        PATH: process.env.PATH ?? "",
        BENCH_MODE: mode,
        BENCH_PATH_BEFORE: kind.path.before,
        BENCH_PATH_AFTER: kind.path.after,
        BENCH_HEADERS: Object.entries(kind.headers)
          .map(([name, value]) => `${name}: ${value}\n`)
          .join(""),
        BENCH_SIZE_BYTES: String(sizeBytes),
        BENCH_KEYS: String(keys),
        // High enough that no run meets the keys of `get`.
        BENCH_RUN: (0x10000000 + ((Date.now() + ++runs) & 0xfffffff)).toString(16),
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: (durationSeconds + 90) * 1000,
    },
  );
  endWithUs(child);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return checked(parseReport(stdout, stderr), options);
}

/** What the script prints when it is done. */
export function parseReport(stdout: string, stderr: string): Load {
  const report = /^\{.*\}$/m.exec(stdout)?.[0];
  if (report === undefined) throw new Error(`wrk failed.\n${stdout}${stderr}`);
  return JSON.parse(report) as Load;
}

function checked(load: Load, { mode, sizeBytes }: LoadOptions): Load {
  const wrong = mode === "miss" ? load.requests - load.refused : load.refused;
  if (wrong > 0 || load.broken > 0) {
    throw new Error(
      `${wrong} of ${load.requests} answers had the wrong status, ${load.broken} did not come.`,
    );
  }
  if (load.bytes === 0) throw new Error("No answer came.");
  if (mode === "get" && load.bytes < load.requests * sizeBytes) {
    throw new Error(`${load.requests} answers brought ${load.bytes} bytes, less than ${sizeBytes} each.`);
  }
  return load;
}
