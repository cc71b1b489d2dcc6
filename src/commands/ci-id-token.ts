import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";
import { envValue } from "./env-value.ts";
import { fetchPatiently } from "./fetch-patiently.ts";

type Env = CommandContext["env"];

/**
 * The token by which the CI service that this runs in vouches for the job.
 * @param variable holds it, where it is in none of the usual places.
 * @throws Refusal `unavailable` that says why there is none, and what to change; `bad_request` for what names no variable.
 */
export async function ciIdToken(env: Env, audience: string, variable?: string): Promise<string> {
  if (variable !== undefined) {
    const token = envValue(env, "--token-env", variable);
    if (token !== undefined) return token;
    throw none("The variable that --token-env names is not set in this job.");
  }
  // GitLab puts it where the job's id_tokens say.
  if (env.LARDER_ID_TOKEN) return env.LARDER_ID_TOKEN;
  if (env.GITHUB_ACTIONS) return await fromGithub(env, audience);
  if (env.BUILDKITE) return await fromBuildkite(env, audience);
  if (env.CIRCLECI) return fromCircle(env);
  if (env.GITLAB_CI) {
    throw none(
      `This job has no LARDER_ID_TOKEN. Add to it in .gitlab-ci.yml: id_tokens: { LARDER_ID_TOKEN: { aud: "${audience}" } }.`,
    );
  }
  throw none(
    "This runs in no CI service that larder knows. Name the variable with the job's token: --token-env.",
  );
}

async function fromGithub(env: Env, audience: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = env;
  if (!address || !secret) {
    throw none(
      "GitHub gives this job no identity. Add `permissions: { id-token: write, contents: read }` to it; " +
        "a pull request from a fork never has one.",
    );
  }
  const url = new URL(address);
  url.searchParams.set("audience", audience);
  const answer = await fetchPatiently(url, { headers: { authorization: `Bearer ${secret}` } }, "GitHub");
  const value = answer.ok
    ? ((await answer.json().catch(() => null)) as { value?: unknown } | null)?.value
    : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw none(`GitHub gave the job no token (${answer.status}).`);
}

async function fromBuildkite(env: Env, audience: string): Promise<string> {
  try {
    const agent = Bun.spawn(["buildkite-agent", "oidc", "request-token", "--audience", audience], {
      env: { ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: 30_000,
    });
    const [token, exitCode] = await Promise.all([new Response(agent.stdout).text(), agent.exited]);
    if (exitCode === 0 && token.trim() !== "") return token.trim();
    throw none(`buildkite-agent gave the job no token; it ended with ${exitCode}.`);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw none("There is no buildkite-agent to ask for the job's token.");
  }
}

function fromCircle({ CIRCLE_OIDC_TOKEN_V2: token }: Env): string {
  if (token) return token;
  throw none(
    "CircleCI gives this job no identity (CIRCLE_OIDC_TOKEN_V2); a fork has one only if its project passes secrets to forks.",
  );
}

function none(message: string): Refusal {
  return new Refusal("unavailable", message);
}
