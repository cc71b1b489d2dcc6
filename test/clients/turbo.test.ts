import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";
import { type Connection, Monorepo, packageNames } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";
import { type Exchange, WireTap } from "./wire-tap.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();
let larder: RunningLarder;
let connection: Connection;

beforeAll(async () => {
  larder = await startLarder();
  connection = { url: larder.url, token: larder.firstToken, team: "default" };
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
});

/** Those that are this, and the others. */
function split(texts: readonly string[], wanted: string): [string[], string[]] {
  return [texts.filter((text) => text === wanted), texts.filter((text) => text !== wanted)];
}

function download(hash: string, token = connection.token): Promise<Response> {
  return fetch(`${larder.url}/v8/artifacts/${hash}?slug=default`, {
    headers: { authorization: `Bearer ${token}` },
  });
}

test("a cold build misses everything and uploads it, with how long it took and from which commit", async () => {
  await using repo = await Monorepo.create(turbo);
  const planned = await repo.plan(connection);
  expect(planned.map((task) => task.cache.status)).toEqual(["MISS", "MISS", "MISS", "MISS"]);

  const run = await repo.build(connection);
  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("Remote caching enabled");
  expect(run.output).toContain("0 cached, 4 total");
  expect(run.linesWith("cache miss, executing")).toHaveLength(4);
  expect(run.output).not.toContain("WARNING");

  for (const { hash } of planned) {
    const artifact = await download(hash);
    expect(artifact.status).toBe(200);
    expect(Number(artifact.headers.get("x-artifact-duration"))).toBeGreaterThan(0);
    expect(artifact.headers.get("x-artifact-sha")).toBe(await repo.headCommit());
    expect(artifact.headers.get("content-encoding")).toBeNull();
    const bytes = await artifact.bytes();
    expect(bytes.length).toBe(Number(artifact.headers.get("content-length")));
    // The artifact of turbo is an archive in Zstandard.
    expect(Buffer.from(bytes.subarray(0, 4)).toString("hex")).toBe("28b52ffd");
  }
});

test("a build on a new machine restores every output byte for byte and runs nothing", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  const built = await repo.outputs();
  expect(Object.keys(built)).toHaveLength(3 * packageNames.length);

  await repo.forget();
  expect(await repo.outputs()).toEqual({});
  const run = await repo.build(connection);

  expect(run.exitCode).toBe(0);
  expect(run.linesWith("cache hit, replaying logs")).toHaveLength(4);
  expect(run.output).toContain("FULL TURBO");
  for (const name of packageNames) expect(run.output).toContain(`built ${name}`);
  expect(await repo.outputs()).toEqual(built);
});

test("a dry run learns that all tasks are there, how much time they save and their commit", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  await repo.forget();

  const planned = await repo.plan(connection);
  for (const task of planned) {
    expect(task.cache).toMatchObject({
      local: false,
      remote: true,
      status: "HIT",
      source: "REMOTE",
      sha: await repo.headCommit(),
    });
    const artifact = await download(task.hash);
    expect(task.cache.timeSaved).toBe(Number(artifact.headers.get("x-artifact-duration")));
    expect(task.cache.timeSaved).toBeGreaterThan(0);
  }
});

test("a dry run asks for many tasks at once and needs no question for a single one", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  await repo.forget();
  await using tap = new WireTap(larder.url);

  const planned = await repo.plan({ ...connection, url: tap.url });

  expect(planned.map((task) => task.cache.source)).toEqual(["REMOTE", "REMOTE", "REMOTE", "REMOTE"]);
  // One, or on a busy machine one more.
  const questions = tap.of("POST").filter(({ path }) => path === "/v8/artifacts");
  expect(new Set(questions.map(({ status }) => status))).toEqual(new Set([200]));
  expect(questions.length).toBeLessThan(planned.length);
  expect(tap.of("HEAD")).toEqual([]);
});

test("only what changed is built again", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  await repo.forget();
  await Bun.write(`${repo.folder}/packages/ui/source.bin`, "changed");

  const run = await repo.build(connection);
  expect(run.exitCode).toBe(0);
  expect(
    run
      .linesWith("cache hit, replaying logs")
      .map((line) => line.split(":")[0]?.trim())
      .sort(),
  ).toEqual(["core", "docs"]);

  await repo.forget();
  const planned = await repo.plan(connection);
  expect(planned.map((task) => task.cache.source)).toEqual(["REMOTE", "REMOTE", "REMOTE", "REMOTE"]);
});

test("--force builds everything again and replaces what was stored", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  const before = await repo.outputs();
  await using tap = new WireTap(larder.url);

  const forced = await repo.build({ ...connection, url: tap.url }, { args: ["--force"] });
  const after = await repo.outputs();

  expect(forced.exitCode).toBe(0);
  expect(forced.output).not.toContain("WARNING");
  expect(tap.of("GET").filter(({ path }) => path !== "/v8/artifacts/status")).toEqual([]);
  expect(tap.of("PUT").map(({ status }) => status)).toEqual([202, 202, 202, 202]);
  expect(after).not.toEqual(before);

  await repo.forget();
  expect((await repo.build(connection)).output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(after);
});

test("of two machines that build the same at once, one's artifact is kept whole, and a third takes it", async () => {
  await using one = await Monorepo.create(turbo);
  await using other = await one.clone();
  await using third = await one.clone();

  const runs = await Promise.all([one.build(connection), other.build(connection)]);
  for (const run of runs) {
    expect(run.exitCode).toBe(0);
    expect(run.output).not.toContain("WARNING");
  }
  expect((await third.build(connection)).output).toContain("FULL TURBO");

  const [ofOne, ofOther, ofThird] = await Promise.all([one.outputs(), other.outputs(), third.outputs()]);
  for (const name of packageNames) {
    const ofPackage = (outputs: Record<string, string>) =>
      Object.entries(outputs)
        .filter(([path]) => path.startsWith(`packages/${name}/`))
        .sort();
    expect([ofPackage(ofOne), ofPackage(ofOther)]).toContainEqual(ofPackage(ofThird));
  }
});

test("with preflight on, every request is announced first and still carries its token", async () => {
  await using repo = await Monorepo.create(turbo);
  await using tap = new WireTap(larder.url);
  const tapped = { ...connection, url: tap.url };
  const env = { TURBO_PREFLIGHT: "1" };

  const cold = await repo.build(tapped, { env });
  const built = await repo.outputs();
  await repo.forget();
  const warm = await repo.build(tapped, { env });

  expect(cold.exitCode).toBe(0);
  expect(cold.output).not.toContain("WARNING");
  expect(warm.output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(built);
  const announced = tap.of("OPTIONS").map((exchange) => {
    expect(exchange.status).toBeLessThan(300);
    return `${exchange.requestHeaders.get("access-control-request-method")} ${exchange.path}`;
  });
  const artifactRequests = tap.exchanges.filter(
    ({ method, path }) => method !== "OPTIONS" && path !== "/v8/artifacts/status",
  );
  const report = "POST /v8/artifacts/events";
  const [reports, others] = split(
    artifactRequests.map(({ method, path }) => `${method} ${path}`),
    report,
  );
  const [announcedReports, announcedOthers] = split(announced, report);
  expect(others.sort()).toEqual(announcedOthers.sort());
  // turbo ends a fifth of a second after its last task, with what it wanted to report or without.
  expect(reports.length).toBeLessThanOrEqual(announcedReports.length);
  for (const { requestHeaders, status } of artifactRequests) {
    expect(requestHeaders.get("authorization")).toBe(`Bearer ${connection.token}`);
    expect([200, 202, 404]).toContain(status);
  }
});

test("what turbo reports about its hits and misses is accepted", async () => {
  await using repo = await Monorepo.create(turbo);
  await using tap = new WireTap(larder.url);
  // A known CI makes turbo name it in every report.
  const env = { CI: "true", GITHUB_ACTIONS: "true" };

  const run = await repo.build({ ...connection, url: tap.url }, { env });

  expect(run.exitCode).toBe(0);
  const isReport = ({ method, path }: Exchange) => method === "POST" && path === "/v8/artifacts/events";
  // turbo may have gone before the answer to its last one came by.
  await tap.until(isReport);
  const reports = tap.exchanges.filter(isReport);
  for (const report of reports) {
    expect(report.requestHeaders.get("x-artifact-client-ci")).toBe("GITHUB_ACTIONS");
    expect(report.status).toBe(200);
  }
  expect(tap.of("PUT").map(({ status }) => status)).toEqual([202, 202, 202, 202]);
});
