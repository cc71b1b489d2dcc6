import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Monorepo } from "./monorepo.ts";

export interface TerminalOptions {
  /** Larder's address, for the API and for the sign-in. */
  url: string;
  /** What is undefined is not set. */
  env?: Record<string, string | undefined>;
  /** Answers to turbo's questions, which it asks on a terminal only: once the text is shown, the keys are pressed. */
  answers?: [shown: string, keys: string][];
}

/** What a turbo has printed, when it has ended. */
export interface Ended {
  exitCode: number;
  /** Both streams, without colours. */
  output: string;
}

/** A turbo that runs in a repository, and opens no browser: it tells the test what it would have opened. */
export interface RunningTurbo extends AsyncDisposable {
  /** Resolves with the address. Rejects with what turbo printed if it ended without. */
  readonly opened: Promise<string>;
  readonly ended: Promise<Ended>;
}

/** Runs turbo in a repository as somebody does who sits there. It keeps what it is told in the repository's own home. */
export async function startTurbo(
  repo: Monorepo,
  args: string[],
  { url, env = {}, answers }: TerminalOptions,
): Promise<RunningTurbo> {
  const scratch = await mkdtemp(join(tmpdir(), "larder-terminal-"));
  const opened = Promise.withResolvers<string>();
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      opened.resolve(await request.text());
      return new Response();
    },
  });
  const browser = join(scratch, "browser");
  const tell = `await fetch("http://127.0.0.1:${listener.port}", { method: "POST", body: process.argv[1] })`;
  await Bun.write(browser, `#!/bin/sh\nexec '${process.execPath}' -e '${tell}' "$1"\n`);
  await chmod(browser, 0o755);

  let output = "";
  const waiting = [...(answers ?? [])];
  let answeredLength = 0;
  const onText = (text: string) => {
    output += text;
    const [next] = waiting;
    if (!next || !Bun.stripANSI(output.slice(answeredLength)).includes(next[0])) return;
    answeredLength = output.length;
    waiting.shift();
    if (child.terminal) void press(child.terminal, next[1]);
  };

  const decoder = new TextDecoder();
  const child = Bun.spawn([repo.turbo.binary, ...args, "--skip-infer"], {
    cwd: repo.folder,
    env: {
      ...repo.environment(),
      TURBO_API: url,
      TURBO_LOGIN: url,
      BROWSER: browser,
      TERM: "xterm",
      // turbo 2.9 wants to trade any token with a service of its maker's, which no test has to reach.
      HTTPS_PROXY: "http://127.0.0.1:1",
      ...env,
    },
    ...(answers
      ? {
          terminal: {
            cols: 200,
            rows: 50,
            data: (_: Bun.Terminal, data: Uint8Array) => onText(decoder.decode(data, { stream: true })),
          },
        }
      : { stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
  });
  const ended = Promise.all([read(child.stdout, onText), read(child.stderr, onText), child.exited]).then(
    () => {
      opened.reject(new Error(`turbo ${args.join(" ")} opened no browser.\n${Bun.stripANSI(output)}`));
      return { exitCode: child.exitCode ?? -1, output: Bun.stripANSI(output) };
    },
  );
  // Most runs open none, and nobody waits for it then.
  opened.promise.catch(() => {});
  return {
    opened: opened.promise,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      child.terminal?.close();
      await listener.stop(true);
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** Runs turbo to its end, where it is to open no browser. */
export async function runTurbo(repo: Monorepo, args: string[], options: TerminalOptions): Promise<Ended> {
  await using turbo = await startTurbo(repo, args, options);
  return await turbo.ended;
}

/** The flag of a terminal that shows what is typed (termios.h, as Linux and macOS number it). */
const echoFlag = 0o10;

/** A question is shown a moment before single keys are read. What is typed before that is taken for a line, and spoils it. */
async function press(terminal: Bun.Terminal, keys: string): Promise<void> {
  while (!terminal.closed && (terminal.localFlags & echoFlag) !== 0) await Bun.sleep(1);
  if (!terminal.closed) terminal.write(keys);
}

async function read(
  stream: ReadableStream<Uint8Array> | undefined | null,
  onText: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream ?? []) onText(decoder.decode(chunk, { stream: true }));
}
