import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestIssuer } from "../identity/test-issuer.ts";

/** The part of GitHub that a job sees: where it gets its token, and files for the steps that follow. */
export interface GithubJob extends Disposable {
  /** The variables that GitHub sets. */
  readonly env: Record<string, string>;
  /** The audiences that were asked for. */
  readonly audiences: string[];
  /** What the next steps find in their environment. */
  variables(): Record<string, string>;
  /** What the step has as outputs. */
  outputs(): Record<string, string>;
}

/** @param claims that differ from those of a push to `main` of `acme/web`. */
export function startGithubJob(
  folder: string,
  issuer: TestIssuer,
  claims: Record<string, unknown> = {},
): GithubJob {
  mkdirSync(folder, { recursive: true });
  const [envFile, outputFile] = [join(folder, "env"), join(folder, "output")];
  for (const file of [envFile, outputFile]) writeFileSync(file, "BEFORE=1\n");
  const audiences: string[] = [];
  const secret = "github-secret";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { searchParams } = new URL(request.url);
      const aud = searchParams.get("audience");
      if (
        request.headers.get("authorization") !== `Bearer ${secret}` ||
        searchParams.get("api-version") !== "2"
      )
        return new Response(null, { status: 401 });
      audiences.push(aud ?? "");
      return Response.json({ value: await issuer.sign({ claims: { aud, ...claims } }) });
    },
  });
  return {
    env: {
      GITHUB_ACTIONS: "true",
      GITHUB_ENV: envFile,
      GITHUB_OUTPUT: outputFile,
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${server.port}/token?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret,
    },
    audiences,
    variables: () => readFile(envFile),
    outputs: () => readFile(outputFile),
    [Symbol.dispose]() {
      server.stop(true);
    },
  };
}

/** Reads `NAME=value` and `NAME<<MARK`, as the runner does. */
function readFile(path: string): Record<string, string> {
  const lines = readFileSync(path, "utf8").split("\n");
  const values: Record<string, string> = {};
  while (lines.length > 0) {
    const line = lines.shift() as string;
    const [, name, mark] = /^([^=]+?)<<(.+)$/.exec(line) ?? [];
    if (name === undefined || mark === undefined) {
      const [, plain, value] = /^([^=]+)=(.*)$/.exec(line) ?? [];
      if (plain !== undefined && value !== undefined) values[plain] = value;
      continue;
    }
    const end = lines.indexOf(mark);
    if (end < 0) throw new Error(`${mark} does not end.`);
    values[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join("\n");
  }
  return values;
}
