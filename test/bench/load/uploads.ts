import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { endWithUs, pinned } from "../processes.ts";
import { artifactUrl, type ServerKind } from "../servers/server.ts";

const timeoutMs = 300_000;

/**
 * Uploads bodies of a size side by side.
 * @returns how long each took in milliseconds, and how long it was until all were answered.
 */
export async function uploadAtOnce(
  kind: ServerKind,
  url: string,
  count: number,
  sizeBytes: number,
): Promise<{ eachMs: number[]; allMs: number }> {
  const startedAt = performance.now();
  const eachMs = await Promise.all(
    Array.from({ length: count }, () => {
      const target = artifactUrl(kind, url, randomBytes(8).toString("hex"));
      return uploadOne(target, sizeBytes, kind.headers);
    }),
  );
  // A single one leaves its own start out; of several, the first to start and the last to end count.
  return { eachMs, allMs: count === 1 ? (eachMs[0] as number) : performance.now() - startedAt };
}

async function uploadOne(url: string, sizeBytes: number, headers: Record<string, string>): Promise<number> {
  const child = Bun.spawn(
    pinned("load", [
      process.execPath,
      join(import.meta.dir, "upload.ts"),
      url,
      String(sizeBytes),
      JSON.stringify(headers),
    ]),
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: timeoutMs },
  );
  endWithUs(child);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(stderr.trim() || `An upload took more than ${timeoutMs / 1000} s.`);
  return Number(stdout);
}
