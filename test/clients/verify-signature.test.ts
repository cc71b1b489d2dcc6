import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { dirname } from "node:path";
import { oldTurbo } from "../known-tools.ts";
import { type Finished, larderCommand, type RunningLarder, run, startLarder } from "../larder.ts";
import { createTeam, createToken, TurboClient } from "../protocols/turbo/client.ts";
import { describeWith } from "../tools.ts";
import { type Connection, Monorepo } from "./monorepo.ts";
import { currentTurbo, findTurbo, type TurboClient as Turbo } from "./turbo-client.ts";

setDefaultTimeout(120_000);

const signed = { remoteCache: { signature: true } };
const key = "the right key, longer than 32 bytes in all";
let larder: RunningLarder;
let teamId: string;

beforeAll(async () => {
  larder = await startLarder();
  teamId = (JSON.parse((await larder.cli("team", "show", "default", "--json")).stdout) as { id: string }).id;
});
afterAll(() => larder[Symbol.asyncDispose]());

/** The command as an operator runs it, with the key in the variable KEY. */
function verify(key: string | undefined, ...args: string[]): Promise<Finished> {
  return run(
    [...larderCommand, "verify-signature", "--data", larder.dataFolder, "--key-env", "KEY", ...args],
    { cwd: dirname(larder.dataFolder), env: { PATH: "/bin", ...(key !== undefined && { KEY: key }) } },
  );
}

async function buildSigned(turbo: Turbo, connection: Partial<Connection>): Promise<string[]> {
  await using repo = await Monorepo.create(turbo, signed);
  const whole = { url: larder.url, token: larder.firstToken, ...connection };
  await repo.build(whole, { env: { TURBO_REMOTE_CACHE_SIGNATURE_KEY: key } });
  return (await repo.plan(whole, { env: { TURBO_REMOTE_CACHE_SIGNATURE_KEY: key } })).map(
    (task) => task.hash,
  );
}

async function purge(): Promise<void> {
  await larder.cli("purge", "--team", "default", "--yes");
}

test("what turbo has signed is valid by its key and by no other, whether it knew the team by slug or by id", async () => {
  await purge();
  const [bySlug] = await buildSigned(currentTurbo(), { team: "default" });
  await buildSigned(currentTurbo(), { teamId });
  const client = new TurboClient(larder.url, larder.firstToken);
  await client.put("unsigned", "x");

  const valid = await verify(key, "--json");
  expect(valid.stderr).toBe("");
  expect(JSON.parse(valid.stdout)).toEqual({
    validV2: 8,
    validV1: 0,
    unsigned: 1,
    unreadable: 0,
    invalid: [],
  });
  expect(valid.exitCode).toBe(0);

  const other = await verify("another key, which is longer than 32 bytes");
  expect(other.exitCode).toBe(1);
  expect(other.stdout).toMatch(/^Invalid +8$/m);
  expect(other.stderr).toContain("8 signatures are not by this key");

  const one = await verify(key, "--hash", bySlug as string);
  expect(one.stdout).toMatch(/^Valid \(v2\) +1$/m);
});

test("bytes that were changed, and a tag that was moved, are invalid, and the writer is named with the scope", async () => {
  await purge();
  const [first, second] = await buildSigned(currentTurbo(), { team: "default" });
  const { id, token } = await createToken(larder, "default", "write", "--scope", "pr-7");
  const client = new TurboClient(larder.url, larder.firstToken);
  const [one, two] = await Promise.all([client.get(first as string), client.get(second as string)]);
  const tagOf = (answer: Response) => ({ "x-artifact-tag": answer.headers.get("x-artifact-tag") as string });
  const evil = new TurboClient(larder.url, token);
  const bytes = await one.bytes();
  await evil.put(second as string, bytes, tagOf(one));
  await evil.put("moved", bytes, tagOf(one));
  await evil.put("cut", (await two.bytes()).slice(0, -1), tagOf(two));
  const unpadded = tagOf(one)["x-artifact-tag"].replace("=", "");
  await evil.put(first as string, bytes, { "x-artifact-tag": unpadded });

  const { stdout, exitCode } = await verify(key, "--json");
  expect(exitCode).toBe(1);
  const { invalid, ...counts } = JSON.parse(stdout) as { invalid: { hash: string }[] };
  expect(counts).toEqual({ validV2: 4, validV1: 0, unsigned: 0, unreadable: 0 } as never);
  expect(invalid).toEqual(
    [second, "moved", "cut", first].map((hash) => ({
      team: "default",
      hash,
      scope: "pr-7",
      writtenBy: id,
    })) as never,
  );
  expect((await verify(key)).stdout).toContain(`moved`);
});

test("all teams are looked at, or the one that is asked for, each with its own id", async () => {
  await purge();
  const { token } = await createTeam(larder, "signers");
  const other = (JSON.parse((await larder.cli("team", "show", "signers", "--json")).stdout) as { id: string })
    .id;
  await buildSigned(currentTurbo(), { teamId });
  const [hash] = await buildSigned(currentTurbo(), { token, teamId: other });
  const counted = async (...args: string[]) => JSON.parse((await verify(key, "--json", ...args)).stdout);
  expect(await counted()).toMatchObject({ validV2: 8, invalid: [] });
  expect(await counted("--team", "signers")).toMatchObject({ validV2: 4, invalid: [] });
  expect(await counted("--hash", hash as string)).toMatchObject({ validV2: 1, invalid: [] });
  expect((await verify(key, "--team", "default", "--hash", hash as string)).exitCode).toBe(1);

  await larder.cli("team", "delete", "signers", "--yes");
});

test("a hash under which nothing is stored is said, and ends with 1", async () => {
  await purge();
  expect(await verify(key)).toMatchObject({ exitCode: 0, stderr: "" });
  for (const args of [[], ["--json"], ["--team", "default"]]) {
    const { exitCode, stdout, stderr } = await verify(key, "--hash", "nothere", ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain('Nothing is stored under the hash "nothere"');
  }
});

test("a key that is missing is wrong usage, and a short one works with a warning", async () => {
  for (const missing of [undefined, ""]) {
    const refused = await verify(missing);
    expect([refused.exitCode, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("The variable that --key-env names is not set.");
  }
  const short = await verify("short");
  expect(short.stderr).toContain("the key has 5 bytes; turbo wants 32 or more");
  expect(short.stderr + short.stdout).not.toContain("short\n");
});

for (const version of ["1.13.4", "2.5.8", "2.9.18"] as const) {
  describeWith(oldTurbo(version), `turbo ${version}`, (path) => {
    test("signs in the version that is said", async () => {
      await purge();
      const turbo = findTurbo(dirname(dirname(path))) as Turbo;
      await buildSigned(turbo, { team: "default" });
      await buildSigned(turbo, { teamId });
      const isNew = version === "2.9.18";
      expect(JSON.parse((await verify(key, "--json")).stdout)).toEqual({
        validV2: isNew ? 8 : 0,
        validV1: isNew ? 0 : 8,
        unsigned: 0,
        unreadable: 0,
        invalid: [],
      });
    });
  });
}

test("works without a server, too, and tells what has no bytes", async () => {
  await purge();
  await buildSigned(currentTurbo(), { team: "default" });
  await larder.stop();
  const valid = await verify(key, "--json");
  expect(JSON.parse(valid.stdout)).toMatchObject({ validV2: 4, invalid: [] });
  await Bun.$`rm -rf ${larder.dataFolder}/blobs`.quiet();
  const gone = await verify(key, "--json");
  expect([gone.exitCode, JSON.parse(gone.stdout)]).toEqual([0, expect.objectContaining({ unreadable: 4 })]);
});
