import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

export interface LarderOptions {
  /** How to run larder, before its arguments. `larderCommand`, if not said. */
  command?: string[];
  /** More arguments for `serve`. */
  args?: string[];
  /** Added to an environment that has nothing but a path and an empty home. */
  env?: Record<string, string>;
  /** Kept on disposal. A temporary one, which larder has yet to make, if not said. */
  dataFolder?: string;
  /** An empty temporary folder, if not said. */
  cwd?: string;
  /** How long it may take until it listens. */
  startTimeoutMs?: number;
}

export interface Finished {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** Everything of a larder that did not need an option ends with the test: no process and no folder is left. */
export interface RunningLarder extends AsyncDisposable {
  /** Where it listens, its base path included, without a slash at the end. */
  readonly url: string;
  readonly dataFolder: string;
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** The token that the first start printed. Throws if none was printed. */
  readonly firstToken: string;
  /** What it has printed up to now. */
  stdout(): string;
  stderr(): string;
  /** Runs another command on the same data folder. */
  cli(...args: string[]): Promise<Finished>;
  /** Asks it to end (SIGTERM), waits until it has, and resolves with its exit code. */
  stop(): Promise<number>;
  /** Ends it as power loss would (SIGKILL), and waits until it is gone. */
  kill(): Promise<void>;
}

export const larderCommand: readonly string[] = process.env.TEST_BINARY
  ? [resolve(process.env.TEST_BINARY)]
  : [process.execPath, join(import.meta.dir, "../src/main.ts")];

const stopTimeoutMs = 60_000;
const living = new Set<Bun.Subprocess>();
// What was cut off never gets to its disposal.
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/**
 * Starts a server on a free port of the loopback interface, and resolves once it listens.
 * Rejects with all that it printed when it ends instead, or takes too long.
 */
export async function startLarder(options: LarderOptions = {}): Promise<RunningLarder> {
  const { command = [...larderCommand], args = [], startTimeoutMs = 60_000 } = options;
  // macOS keeps its temporary folder behind a link, and clients print resolved paths.
  const scratch = await realpath(await mkdtemp(join(tmpdir(), "larder-test-")));
  const removeScratch = () => rm(scratch, { recursive: true, force: true });
  const dataFolder = options.dataFolder ?? join(scratch, "data");
  const cwd = options.cwd ?? join(scratch, "work");
  const home = join(scratch, "home");
  for (const folder of [cwd, home]) await mkdir(folder, { recursive: true });
  const env = { ...emptyEnvironment(home), ...options.env };

  const started = spawnWatched(
    [...command, "serve", "--data", dataFolder, "--host", "127.0.0.1", "--port", "0", ...args],
    { cwd, env },
  );
  const { child, stdout, stderr } = started;
  const url = await listening(started, startTimeoutMs).catch(async (error) => {
    child.kill("SIGKILL");
    await child.exited;
    await removeScratch();
    throw error;
  });

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await child.exited;
  }

  return {
    url,
    dataFolder,
    process: child,
    get firstToken() {
      const token = /TURBO_TOKEN="?(lrd_\w+)/.exec(stdout() + stderr())?.[1];
      if (!token) throw new Error(`This larder has printed no token.\n${stdout()}${stderr()}`);
      return token;
    },
    stdout,
    stderr,
    cli: (...cliArgs) => run([...command, ...cliArgs, "--data", dataFolder], { cwd, env }),
    async stop() {
      child.kill("SIGTERM");
      const late = AbortSignal.timeout(stopTimeoutMs);
      late.onabort = () => child.kill("SIGKILL");
      const exitCode = await child.exited;
      late.onabort = null;
      if (late.aborted) throw new Error(`larder did not stop within ${stopTimeoutMs} ms.\n${stderr()}`);
      await started.outputComplete;
      return exitCode;
    },
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await removeScratch();
    },
  };
}

/** Runs a command to its end. */
export async function run(
  command: string[],
  options: { cwd: string; env: Record<string, string>; stdin?: string },
): Promise<Finished> {
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: options.env,
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  living.add(child);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  living.delete(child);
  return { stdout, stderr, exitCode };
}

/** What every program needs to run at all, and nothing of the machine's settings. */
export function emptyEnvironment(home: string): Record<string, string> {
  const path = [dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter);
  const windows = process.env.SystemRoot ? { SystemRoot: process.env.SystemRoot, USERPROFILE: home } : {};
  return { PATH: path, HOME: home, ...windows };
}

interface Watched {
  child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  stdout(): string;
  stderr(): string;
  /** Called whenever there is more to read. */
  onOutput: () => void;
  /** Resolves when both streams have ended. */
  outputComplete: Promise<unknown>;
}

function spawnWatched(command: string[], options: { cwd: string; env: Record<string, string> }): Watched {
  const child = Bun.spawn(command, { ...options, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  living.add(child);
  child.exited.then(() => living.delete(child));
  let out = "";
  let err = "";
  const watched: Watched = {
    child,
    stdout: () => out,
    stderr: () => err,
    onOutput: () => {},
    outputComplete: Promise.all([
      readText(child.stdout, (text) => {
        out += text;
        watched.onOutput();
      }),
      readText(child.stderr, (text) => {
        err += text;
        watched.onOutput();
      }),
    ]),
  };
  return watched;
}

async function readText(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }));
}

/** Waits until a server says where it listens. It does so in one write, with the first token if there is one. */
async function listening(watched: Watched, timeoutMs: number): Promise<string> {
  const { promise: found, resolve, reject } = Promise.withResolvers<string>();
  watched.onOutput = () => {
    const url = ownUrl(watched.stdout(), watched.stderr());
    if (url) resolve(url.replace(/\/$/, ""));
  };
  const fail = (what: string) =>
    reject(new Error(`larder ${what} instead of listening.\n${watched.stdout()}${watched.stderr()}`));
  const deadline = setTimeout(() => fail(`took ${timeoutMs} ms`), timeoutMs);
  watched.child.exited.then(async (exitCode) => {
    await watched.outputComplete;
    fail(`ended with ${exitCode}`);
  }, reject);
  try {
    return await found;
  } finally {
    clearTimeout(deadline);
    watched.onOutput = () => {};
  }
}

function ownUrl(stdout: string, stderr: string): string | undefined {
  const announced = /^larder \S+ serves at (\S+)\n/m.exec(stdout)?.[1];
  if (announced === undefined || announced.startsWith("http://127.0.0.1:")) return announced;
  // It announces its public URL, if it has one; where it listens stands in its log.
  return /"url":"([^"]+)".*"larder serves"/.exec(stderr)?.[1];
}
