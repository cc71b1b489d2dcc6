import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";
import { cliOutput, createTeam, createToken } from "../protocols/turbo/client.ts";
import { Gate } from "./gate.ts";
import { type Connection, Monorepo, type Run } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";
import { WireTap } from "./wire-tap.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();
let larder: RunningLarder;
let writer: Connection;

beforeAll(async () => {
  larder = await startLarder();
  writer = { url: larder.url, token: larder.firstToken, team: "default" };
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
});

/** A new team, and what a build has that may write in it. */
async function connectTeam(slug: string): Promise<Connection> {
  return { url: larder.url, token: (await createTeam(larder, slug)).token, team: slug };
}

/**
 * A build from nothing. turbo waits a quarter of a second for the status of remote caching and then takes it for enabled,
 * which happens on a busy machine: then it is asked again.
 */
async function buildWithStatus(repo: Monorepo, connection: Connection, attemptsLeft = 5): Promise<Run> {
  await repo.forget();
  const run = await repo.build(connection);
  if (attemptsLeft === 1 || !run.output.includes("Remote caching enabled")) return run;
  return buildWithStatus(repo, connection, attemptsLeft - 1);
}

test("a read-only token hits, its uploads are refused with one warning, and the build is green", async () => {
  const { token } = await createToken(larder, "default", "read");
  const reader: Connection = { ...writer, token };
  await using repo = await Monorepo.create(turbo);

  const cold = await repo.build(reader);
  expect(cold.exitCode).toBe(0);
  expect(cold.output).toContain("Remote caching enabled");
  expect(cold.output).toContain("4 successful, 4 total");
  expect(cold.linesWith("WARNING")).toEqual([expect.stringContaining("rejected an upload with 403")]);
  await repo.forget();
  expect((await repo.plan(reader)).map((task) => task.cache.status)).toEqual([
    "MISS",
    "MISS",
    "MISS",
    "MISS",
  ]);

  await repo.build(writer);
  const built = await repo.outputs();
  await repo.forget();
  const warm = await repo.build(reader);
  expect(warm.output).toContain("FULL TURBO");
  expect(warm.output).not.toContain("WARNING");
  expect(await repo.outputs()).toEqual(built);
});

test("a token revoked in the middle of a build stops its uploads at once, and the build stays green", async () => {
  const { id, token } = await createToken(larder, "default");
  await using gate = new Gate();
  await using tap = new WireTap(larder.url);
  await using repo = await Monorepo.create(turbo, { before: { ui: gate.script } });
  const hashes = await repo.plan(writer);

  const building = repo.build({ url: tap.url, token, team: "default" });
  await gate.reached;
  // What was built before the gate is on the server by then, or soon.
  await tap.until(({ method, path }) => method === "PUT" && path.endsWith(hashes[0]?.hash ?? "no hash"));
  await cliOutput(larder, "token", "revoke", id);
  gate.open();
  const run = await building;

  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("4 successful, 4 total");
  expect(run.linesWith("401").length).toBeGreaterThan(0);
  await repo.forget();
  const kept = Object.fromEntries((await repo.plan(writer)).map((task) => [task.package, task.cache.status]));
  expect(kept).toMatchObject({ core: "HIT", ui: "MISS", app: "MISS" });
});

test("a token that larder does not know is said to be unknown, and the build is green", async () => {
  await using repo = await Monorepo.create(turbo);
  const run = await buildWithStatus(repo, { ...writer, token: "lrd_unknown" });
  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("Remote caching unavailable (Authentication failed");
  expect(run.output).toContain("4 successful, 4 total");
});

test("a team's slug and its id lead to the same artifacts", async () => {
  const { teamId, token } = await createTeam(larder, "by-slug-and-id");
  const bySlug: Connection = { url: larder.url, token, team: "by-slug-and-id" };
  const byId: Connection = { url: larder.url, token, teamId };
  await using repo = await Monorepo.create(turbo);

  await repo.build(bySlug);
  const built = await repo.outputs();
  await repo.forget();
  expect((await repo.build(byId)).output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(built);

  await repo.forget();
  expect((await repo.build({ ...bySlug, ...byId })).output).toContain("FULL TURBO");
});

test("a team id without its prefix is not sent by turbo, and the token's own team is used", async () => {
  await using repo = await Monorepo.create(turbo);
  await using tap = new WireTap(larder.url);
  const run = await repo.build({ url: tap.url, token: larder.firstToken, teamId: "mine" });
  expect(run.exitCode).toBe(0);
  expect(tap.exchanges.map(({ query }) => query)).not.toContainEqual(expect.stringContaining("mine"));
  await repo.forget();
  expect((await repo.build(writer)).output).toContain("FULL TURBO");
});

test("another team's name is refused, and the build is green", async () => {
  await createTeam(larder, "not-mine");
  for (const team of ["not-mine", "no-such-team"]) {
    await using repo = await Monorepo.create(turbo);
    const run = await buildWithStatus(repo, { ...writer, team });
    expect(run.exitCode).toBe(0);
    expect(run.output).toContain("Remote caching unavailable (Authentication failed");
    expect(run.output).toContain("4 successful, 4 total");
  }
});

test("two teams do not see each other's artifacts", async () => {
  const left = await connectTeam("left");
  const right = await connectTeam("right");
  await using repo = await Monorepo.create(turbo);

  await repo.build(left);
  const ofLeft = await repo.outputs();
  await repo.forget();
  expect((await repo.plan(right)).map((task) => task.cache.status)).toEqual(["MISS", "MISS", "MISS", "MISS"]);
  expect((await repo.build(right)).linesWith("cache miss, executing")).toHaveLength(4);
  const ofRight = await repo.outputs();
  expect(ofRight).not.toEqual(ofLeft);

  for (const [team, outputs] of [
    [left, ofLeft],
    [right, ofRight],
  ] as const) {
    await repo.forget();
    expect((await repo.build(team)).output).toContain("FULL TURBO");
    expect(await repo.outputs()).toEqual(outputs);
  }
});

test.each([
  ["disabled", "Disabled for this team"],
  ["over_limit", "Usage limit exceeded"],
  ["paused", "Spending paused"],
  // The API has no status of that name: it answers 402, which turbo takes for a server that it cannot use.
  ["blocked", "Could not connect to"],
])(
  "while a team is %s turbo says so, takes and stores nothing, and the build is green",
  async (state, reason) => {
    const slug = `was-${state.replace("_", "-")}`;
    const team = await connectTeam(slug);
    await using repo = await Monorepo.create(turbo);
    await repo.build(team);
    const planned = await repo.plan(team);
    await repo.forget();

    await cliOutput(larder, "team", "set", slug, "--state", state);
    const run = await buildWithStatus(repo, team);
    expect(run.exitCode).toBe(0);
    expect(run.output).toContain(`Remote caching unavailable (${reason}`);
    expect(run.linesWith("cache miss, executing")).toHaveLength(4);
    const rebuilt = await repo.outputs();

    await cliOutput(larder, "team", "set", slug, "--state", "enabled");
    await repo.forget();
    expect((await repo.plan(team)).map((task) => task.hash)).toEqual(planned.map((task) => task.hash));
    expect((await repo.build(team)).output).toContain("FULL TURBO");
    expect(await repo.outputs()).not.toEqual(rebuilt);
  },
);

test("a write-once team keeps what was first, and the build that wanted to replace it is green", async () => {
  const team = await connectTeam("write-once");
  await cliOutput(larder, "team", "set", "write-once", "--overwrite", "never");
  await using repo = await Monorepo.create(turbo);
  await repo.build(team);
  const first = await repo.outputs();

  const forced = await repo.build(team, { args: ["--force"] });
  expect(forced.exitCode).toBe(0);
  expect(forced.linesWith("409")).toHaveLength(4);

  await repo.forget();
  expect((await repo.build(team)).output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(first);
});
