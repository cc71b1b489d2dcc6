import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { tmpdir } from "node:os";
import { githubPullRequest } from "../identity/test-issuer.ts";
import { emptyEnvironment, larderCommand, run } from "../larder.ts";
import { startTrustingLarder, type TrustingLarder } from "../trusting-larder.ts";
import { type Connection, Monorepo } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();
let larder: TrustingLarder;
beforeAll(async () => {
  larder = await startTrustingLarder();
});
afterAll(() => larder[Symbol.asyncDispose]());

/** What a job has after `larder exchange`. */
async function jobConnection(claims: Record<string, unknown> = {}): Promise<Connection> {
  const env = { ...emptyEnvironment(tmpdir()), LARDER_ID_TOKEN: await larder.jobToken(claims) };
  const command = [...larderCommand, "exchange", "--url", larder.url, "--json", "--required"];
  const { stdout, stderr } = await run(command, { cwd: tmpdir(), env });
  if (stdout === "") throw new Error(stderr);
  const { TURBO_API: url, TURBO_TEAM: team, TURBO_TOKEN: token } = JSON.parse(stdout);
  return { url, team, token };
}

test("what a job on the main branch builds, other jobs take, without a secret anywhere", async () => {
  await using repo = await Monorepo.create(turbo);
  const built = await repo.build(await jobConnection());
  expect(built.exitCode).toBe(0);
  expect(built.linesWith("WARNING")).toEqual([]);

  await using another = await repo.clone();
  for (const claims of [{ run_id: "124" }, githubPullRequest]) {
    const plan = await another.plan(await jobConnection(claims));
    expect(plan.map(({ cache }) => cache.source)).toEqual(["REMOTE", "REMOTE", "REMOTE", "REMOTE"]);
  }
});
