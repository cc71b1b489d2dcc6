import { join } from "node:path";
import { freePort, launch, type ServerKind, untilItAnswers } from "./server.ts";

/** @param program its path, or undefined where it is not to be measured. */
export function bazelRemote(program: string | undefined): ServerKind | undefined {
  if (program === undefined) return undefined;
  return {
    name: "bazel-remote",
    isLarder: false,
    version: versionOf(program),
    // Its keys are 64 hex digits. Those of the action cache may hold any bytes, if it is told not to look into them.
    path: { before: `/ac/${"0".repeat(48)}`, after: "" },
    headers: {},
    answersQueries: false,
    servesTurbo: false,
    async start(cwd) {
      const port = await freePort();
      const logFile = join(cwd, "server.log");
      const child = launch({
        command: [
          program,
          ...["--dir", join(cwd, "data"), "--max_size", "100", "--storage_mode", "uncompressed"],
          ...["--http_address", `127.0.0.1:${port}`, "--grpc_address", "none"],
          ...["--access_log_level", "none", "--disable_http_ac_validation"],
        ],
        cwd,
        logFile,
      });
      return untilItAnswers(child, `http://127.0.0.1:${port}`, logFile);
    },
  };
}

/** A Go program carries the version of its module. */
function versionOf(program: string): string {
  const text = Bun.spawnSync(["go", "version", "-m", program]).stdout?.toString() ?? "";
  return /mod\s+\S*bazel-remote\S*\s+v?(\S+)/.exec(text)?.[1] ?? "unknown version";
}
