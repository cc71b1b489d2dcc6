import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptyEnvironment, type Finished, larderCommand, run } from "../larder.ts";

/** Runs commands in an empty folder, with an empty home and an empty environment. All of it goes on disposal. */
export interface Cli extends Disposable {
  readonly cwd: string;
  readonly home: string;
  readonly dataFolder: string;
  /** Runs `larder` with these arguments and nothing else. */
  larder(args: string[], env?: Record<string, string>, stdin?: string): Promise<Finished>;
  /** The same on `dataFolder`. Throws unless it succeeds; returns what it printed. */
  onData(...args: string[]): Promise<string>;
  /** The same with `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it.
  json(...args: string[]): Promise<any>;
  /** The same, when it should be refused (1, or 2 for what cannot be asked for): returns what it said. */
  refused(...args: string[]): Promise<string>;
}

export function openCli(): Cli {
  const folder = mkdtempSync(join(tmpdir(), "larder-cli-"));
  const [cwd, home, dataFolder] = [join(folder, "work"), join(folder, "home"), join(folder, "data")];
  mkdirSync(cwd);
  mkdirSync(home);

  const larder = (args: string[], env: Record<string, string> = {}, stdin?: string) =>
    run([...larderCommand, ...args], {
      cwd,
      env: { ...emptyEnvironment(home), ...env },
      ...(stdin !== undefined && { stdin }),
    });

  async function onData(...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await larder([...args, "--data", dataFolder]);
    if (exitCode !== 0) throw new Error(`larder ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return stdout;
  }

  return {
    cwd,
    home,
    dataFolder,
    larder,
    onData,
    json: async (...args) => JSON.parse(await onData(...args, "--json")),
    async refused(...args) {
      const { stdout, stderr, exitCode } = await larder([...args, "--data", dataFolder]);
      if (![1, 2].includes(exitCode) || stdout !== "")
        throw new Error(`larder ${args.join(" ")}: ${exitCode} ${stdout}`);
      return stderr;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
