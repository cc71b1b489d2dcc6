import { createServer } from "node:net";
import { endTree, endWithUs, pinned } from "../processes.ts";

/** A build cache that can be measured. */
export interface ServerKind {
  /** As the table shows it. */
  readonly name: string;
  /** Ours, of which the others are peers. */
  readonly isLarder: boolean;
  readonly version: string;
  /** An artifact's URL is the server's, `path.before`, 16 hex digits and `path.after`. */
  readonly path: { before: string; after: string };
  /** To be sent with every request. */
  readonly headers: Record<string, string>;
  /** Whether it can tell of many artifacts at once whether it has them (`POST /v8/artifacts`). */
  readonly answersQueries: boolean;
  /** Whether turbo can use it. */
  readonly servesTurbo: boolean;
  /** What one upload of a size costs it in memory, where that is more than a machine may have. */
  readonly memoryPerUpload?: (sizeBytes: number) => number;
  /** Starts it on an empty folder that it may fill, or one that it had before, and resolves once it answers. */
  start(folder: string, args?: string[]): Promise<RunningServer>;
}

export interface RunningServer {
  readonly url: string;
  readonly process: Bun.Subprocess;
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

export interface Launch {
  command: string[];
  cwd: string;
  env?: Record<string, string>;
  /** Where it writes what it logs. */
  logFile: string;
}

/** Starts a server program, bound to the servers' processor. */
export function launch({ command, cwd, env = {}, logFile }: Launch): Bun.Subprocess<"ignore", "pipe"> {
  const child = Bun.spawn(pinned("server", command), {
    cwd,
    env: { PATH: process.env.PATH ?? "", HOME: cwd, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: Bun.file(logFile),
  });
  endWithUs(child);
  return child;
}

/** Resolves once the server answers anything at all. @throws Error with its log if it ends or takes too long. */
export async function untilItAnswers(
  child: Bun.Subprocess,
  url: string,
  logFile: string,
): Promise<RunningServer> {
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await endTree(child);
      throw new Error(`The server for ${url} did not start.\n${await Bun.file(logFile).text()}`);
    }
    await Bun.sleep(5);
  }
  return { url, process: child, stop: () => endTree(child) };
}

export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
  return promise;
}

export function artifactUrl(kind: ServerKind, url: string, hash: string): string {
  return url + kind.path.before + hash + kind.path.after;
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}
