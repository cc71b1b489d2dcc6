import { expect, setDefaultTimeout, test } from "bun:test";
import { startLarder } from "../larder.ts";
import { Gate } from "./gate.ts";
import { Monorepo } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";
import { WireTap } from "./wire-tap.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();

function megabytes(count: number): string {
  return `mkdir -p dist && head -c ${count * 1_000_000} /dev/urandom > dist/large.bin`;
}

test("an artifact of 300 MB that cannot be compressed goes up and comes down whole", async () => {
  await using larder = await startLarder();
  const connection = { url: larder.url, token: larder.firstToken, team: "default" };
  await using repo = await Monorepo.create(turbo, { before: { docs: megabytes(300) } });
  // turbo's own cache would only write the same bytes once more.
  const args = ["--cache=remote:rw", "--filter=docs"];

  const cold = await repo.build(connection, { args });
  expect(cold.exitCode).toBe(0);
  expect(cold.output).not.toContain("WARNING");
  const built = await repo.outputs();
  await repo.forget();
  const warm = await repo.build(connection, { args });

  expect(warm.output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(built);
});

test("an artifact over the limit is refused with 413 and the build is green; the others are kept", async () => {
  await using larder = await startLarder({ args: ["--max-artifact-size", "10MiB"] });
  const connection = { url: larder.url, token: larder.firstToken, team: "default" };
  await using repo = await Monorepo.create(turbo, { before: { docs: megabytes(30) } });

  const run = await repo.build(connection);

  expect(run.exitCode).toBe(0);
  expect(run.linesWith("WARNING")).toEqual([expect.stringContaining("413 Payload Too Large")]);
  await repo.forget();
  const kept = (await repo.plan(connection)).map((task) => [task.package, task.cache.status]);
  expect(kept).toEqual([
    ["core", "HIT"],
    ["ui", "HIT"],
    ["app", "HIT"],
    ["docs", "MISS"],
  ]);
});

test.each([
  ["", "without a slash at its end"],
  ["/", "with a slash at its end"],
])("under a path prefix, TURBO_API%p %s works", async (slash) => {
  await using larder = await startLarder({ args: ["--base-path", "/cache"] });
  await using repo = await Monorepo.create(turbo);
  const { origin } = new URL(larder.url);
  await using tap = new WireTap(origin);
  const connection = { url: `${tap.url}/cache${slash}`, token: larder.firstToken, team: "default" };

  const cold = await repo.build(connection);
  expect(cold.exitCode).toBe(0);
  expect(cold.output).not.toContain("WARNING");
  const built = await repo.outputs();
  await repo.forget();
  const warm = await repo.build(connection);

  expect(warm.output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(built);
  for (const { path, status } of tap.exchanges) {
    // turbo appends its path to the URL as that stands.
    expect(path).toStartWith(`/cache${slash}/v8/artifacts`);
    expect([200, 202, 404]).toContain(status);
  }
  const outside = await fetch(`${origin}/v8/artifacts/status?slug=default`, {
    headers: { authorization: `Bearer ${larder.firstToken}` },
  });
  expect(outside.status).toBe(404);
});

test("when larder dies in the middle of a build the build is green, and what it took before is kept", async () => {
  await using gate = new Gate();
  await using larder = await startLarder();
  await using repo = await Monorepo.create(turbo, { before: { ui: gate.script } });
  await using tap = new WireTap(larder.url);
  const connection = { url: larder.url, token: larder.firstToken, team: "default" };
  const [core] = await repo.plan(connection);

  const building = repo.build({ ...connection, url: tap.url });
  await gate.reached;
  const stored = await tap.until(({ method, path }) => method === "PUT" && path.endsWith(`/${core?.hash}`));
  expect(stored.status).toBe(202);
  await larder.kill();
  await tap[Symbol.asyncDispose]();
  gate.open();
  const run = await building;
  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("4 successful, 4 total");

  await using again = await startLarder({ dataFolder: larder.dataFolder });
  const artifact = await fetch(`${again.url}/v8/artifacts/${core?.hash}?slug=default`, {
    headers: { authorization: `Bearer ${larder.firstToken}` },
  });
  expect(artifact.status).toBe(200);
  expect((await artifact.bytes()).length).toBe(Number(artifact.headers.get("content-length")));
});
