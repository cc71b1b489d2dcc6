import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningLarder, startLarder } from "../larder.ts";
import { type Connection, Monorepo } from "./monorepo.ts";
import { currentTurbo } from "./turbo-client.ts";
import { WireTap } from "./wire-tap.ts";

setDefaultTimeout(120_000);

const turbo = currentTurbo();
const signed = { remoteCache: { signature: true } };
const rightKey = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: "the right key, longer than 32 bytes in all" };
const otherKey = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: "another key, which is longer than 32 bytes" };
let larder: RunningLarder;
let connection: Connection;

beforeAll(async () => {
  larder = await startLarder();
  connection = { url: larder.url, token: larder.firstToken, team: "default" };
});
afterAll(async () => {
  await larder[Symbol.asyncDispose]();
});

test("signed artifacts are hits for who has the key, and the signature comes back as it was sent", async () => {
  await using repo = await Monorepo.create(turbo, signed);
  await using tap = new WireTap(larder.url);
  const tapped = { ...connection, url: tap.url };
  await repo.build(tapped, { env: rightKey });
  const built = await repo.outputs();
  await repo.forget();

  const run = await repo.build(tapped, { env: rightKey });

  expect(run.exitCode).toBe(0);
  expect(run.output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(built);
  const sent = tap.of("PUT").map(({ path, requestHeaders }) => [path, requestHeaders.get("x-artifact-tag")]);
  const received = tap
    .of("GET")
    .filter(({ path, status }) => status === 200 && path !== "/v8/artifacts/status")
    .map(({ path, responseHeaders }) => [path, responseHeaders.get("x-artifact-tag")]);
  expect(sent).toHaveLength(4);
  for (const [, tag] of sent) expect(tag).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect(received.sort()).toEqual(sent.sort());
});

test("with another key nothing is taken, and all is built and uploaded again under the new signature", async () => {
  await using repo = await Monorepo.create(turbo, signed);
  await repo.build(connection, { env: rightKey });
  const first = await repo.outputs();
  await repo.forget();

  const rotated = await repo.build(connection, { env: otherKey });
  const second = await repo.outputs();
  expect(rotated.exitCode).toBe(0);
  expect(rotated.linesWith("cache miss, executing")).toHaveLength(4);
  expect(second).not.toEqual(first);

  await repo.forget();
  const again = await repo.build(connection, { env: otherKey });
  expect(again.output).toContain("FULL TURBO");
  expect(await repo.outputs()).toEqual(second);

  await repo.forget();
  const old = await repo.build(connection, { env: rightKey });
  expect(old.linesWith("cache miss, executing")).toHaveLength(4);
});

test("a team id that is signed with is the one that larder gave", async () => {
  const { id } = JSON.parse((await larder.cli("team", "show", "default", "--json")).stdout) as { id: string };
  await using repo = await Monorepo.create(turbo, signed);
  const byId: Connection = { url: connection.url, token: connection.token, teamId: id };
  await repo.build(byId, { env: rightKey });
  await repo.forget();
  expect((await repo.build(byId, { env: rightKey })).output).toContain("FULL TURBO");

  // The id is part of what is signed, so the slug alone does not verify: the client's rule, not larder's.
  await repo.forget();
  const bySlug = await repo.build(connection, { env: rightKey });
  expect(bySlug.exitCode).toBe(0);
  expect(bySlug.linesWith("cache miss, executing")).toHaveLength(4);
});

test("an artifact without a signature is no hit for who asks for signatures", async () => {
  await using repo = await Monorepo.create(turbo);
  await repo.build(connection);
  const unsigned = await repo.plan(connection);
  await Bun.write(
    `${repo.folder}/turbo.json`,
    JSON.stringify({ tasks: { build: { dependsOn: ["^build"], outputs: ["dist/**"] } }, ...signed }),
  );
  await repo.forget();

  const run = await repo.build(connection, { env: rightKey });

  expect(run.exitCode).toBe(0);
  expect(run.linesWith("cache miss, executing")).toHaveLength(4);
  for (const { hash } of unsigned) {
    const artifact = await fetch(`${larder.url}/v8/artifacts/${hash}?slug=default`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${larder.firstToken}` },
    });
    expect(artifact.headers.get("x-artifact-tag")).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  }
});

test("a team that wants signatures takes none without, says why in turbo's words, and every build is green", async () => {
  await larder.cli("team", "create", "signing");
  await larder.cli("team", "set", "signing", "--require-tag", "on");
  const created = await larder.cli(
    ...["token", "create", "--team", "signing", "--permission", "write", "--name", "ci", "--json"],
  );
  const { token } = JSON.parse(created.stdout) as { token: string };
  const signing: Connection = { url: larder.url, token, team: "signing" };

  await using careless = await Monorepo.create(turbo);
  const unsigned = await careless.build(signing);
  expect(unsigned.exitCode).toBe(0);
  expect(unsigned.linesWith("signature_required")).toHaveLength(4);
  expect(unsigned.output).toContain('Set "signature": true under remoteCache in turbo.json');
  expect((await careless.plan(signing)).map((task) => task.cache.remote)).toEqual([
    false,
    false,
    false,
    false,
  ]);

  await using repo = await Monorepo.create(turbo, signed);
  await repo.build(signing, { env: rightKey });
  await repo.forget();
  expect((await repo.build(signing, { env: rightKey })).output).toContain("FULL TURBO");
});
