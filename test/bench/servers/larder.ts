import { join } from "node:path";
import { endTree } from "../processes.ts";
import { launch, type ServerKind } from "./server.ts";

const token = "bench-token";

export interface Larder extends ServerKind {
  /** The flags of `serve` that this larder knows, such as `--port`. */
  readonly flags: ReadonlySet<string>;
}

/** One larder for each durability that it can be set to: `larder` is as it comes, `larder fast` syncs nothing. */
export function larders(binary: string): Larder[] {
  const flags = flagsOf(binary);
  const full = larder(binary, flags, "larder", []);
  if (!flags.has("--durability")) return [full];
  return [full, larder(binary, flags, "larder fast", ["--durability", "fast"])];
}

function larder(binary: string, flags: ReadonlySet<string>, name: string, ownArgs: string[]): Larder {
  return {
    name,
    isLarder: true,
    version: outputOf([binary, "--version"])
      .trim()
      .replace(/^larder /, ""),
    path: { before: "/v8/artifacts/", after: "" },
    headers: { authorization: `Bearer ${token}` },
    answersQueries: true,
    servesTurbo: true,
    flags,
    async start(folder, args = []) {
      const logFile = join(folder, "access.log");
      const child = launch({
        command: [
          ...[binary, "serve", "--host", "127.0.0.1", "--port", "0", "--data", join(folder, "data")],
          ...["--turbo-token", token, ...ownArgs, ...args],
        ],
        cwd: folder,
        logFile,
      });
      return { url: await announcedUrl(child, logFile), process: child, stop: () => endTree(child) };
    },
  };
}

async function announcedUrl(child: Bun.Subprocess<"ignore", "pipe">, logFile: string): Promise<string> {
  const decoder = new TextDecoder();
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += decoder.decode(chunk, { stream: true });
    const url = / serves at (\S+)\n/.exec(printed)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`larder ended instead of listening.\n${printed}${await Bun.file(logFile).text()}`);
}

function flagsOf(binary: string): Set<string> {
  return new Set(outputOf([binary, "serve", "--help"]).match(/--[a-z-]+/g));
}

function outputOf(command: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env: {} });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed.\n${stderr}`);
  return String(stdout);
}
