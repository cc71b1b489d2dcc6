import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, launch, type ServerKind, untilItAnswers } from "./server.ts";

const token = "bench-token";

/**
 * As it runs unless told otherwise, and as larder does: with a line in its log for each request, here in a file.
 * @param folder in whose node_modules it is installed. Undefined if it is not.
 * @param isSilent to have it log errors only.
 */
export function turborepoRemoteCache(folder: string | undefined, isSilent = false): ServerKind | undefined {
  if (folder === undefined) return undefined;
  const program = join(folder, "node_modules/.bin/turborepo-remote-cache");
  if (!existsSync(program)) return undefined;
  const manifest = readFileSync(join(folder, "node_modules/turborepo-remote-cache/package.json"), "utf8");
  return {
    name: isSilent ? "turborepo-remote-cache, silent" : "turborepo-remote-cache",
    isLarder: false,
    version: (JSON.parse(manifest) as { version: string }).version,
    // It serves no request without a team.
    path: { before: "/v8/artifacts/", after: "?slug=t" },
    headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
    answersQueries: false,
    servesTurbo: true,
    // It collects an upload in memory before it writes it.
    memoryPerUpload: (sizeBytes) => 2.5 * sizeBytes,
    async start(cwd) {
      const port = await freePort();
      const logFile = join(cwd, "server.log");
      const child = launch({
        command: [program],
        cwd,
        logFile,
        env: {
          NODE_ENV: "production",
          HOST: "127.0.0.1",
          PORT: String(port),
          TURBO_TOKEN: token,
          ...(isSilent && { LOG_LEVEL: "error" }),
          STORAGE_PROVIDER: "local",
          STORAGE_PATH: join(cwd, "data"),
          STORAGE_PATH_USE_TMP_FOLDER: "false",
          BODY_LIMIT: String(2 ** 31),
        },
      });
      return untilItAnswers(child, `http://127.0.0.1:${port}`, logFile);
    },
  };
}
