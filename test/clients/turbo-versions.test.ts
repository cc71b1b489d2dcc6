import { expect, setDefaultTimeout, test } from "bun:test";
import { dirname } from "node:path";
import { oldTurbo, turboVersions } from "../known-tools.ts";
import { startLarder } from "../larder.ts";
import { describeWith } from "../tools.ts";
import { Monorepo } from "./monorepo.ts";
import { findTurbo, type TurboClient } from "./turbo-client.ts";

setDefaultTimeout(120_000);

const fourTimes = <Word>(word: Word) => [word, word, word, word];

for (const version of turboVersions) {
  describeWith(oldTurbo(version), `turbo ${version}`, (path) => {
    const turbo = findTurbo(dirname(dirname(path))) as TurboClient;

    test("is the version it is said to be", () => {
      expect(turbo.version).toBe(version);
    });

    test("uploads a cold build and restores it byte for byte on a new machine", async () => {
      await using larder = await startLarder();
      const connection = { url: larder.url, token: larder.firstToken, team: "default" };
      await using repo = await Monorepo.create(turbo);

      const cold = await repo.build(connection);
      expect(cold.exitCode).toBe(0);
      expect(cold.output).toContain("Remote caching enabled");
      expect(cold.linesWith("cache miss, executing")).toHaveLength(4);
      const built = await repo.outputs();
      await repo.forget();
      const planned = await repo.plan(connection);
      const warm = await repo.build(connection);

      expect(planned.map((task) => task.cache.source)).toEqual(fourTimes("REMOTE"));
      for (const task of planned) expect(task.cache.timeSaved).toBeGreaterThan(0);
      expect(warm.exitCode).toBe(0);
      expect(warm.linesWith("cache hit, replaying logs")).toHaveLength(4);
      expect(warm.output).toContain("FULL TURBO");
      expect(await repo.outputs()).toEqual(built);
      for (const task of planned) {
        const artifact = await fetch(`${larder.url}/v8/artifacts/${task.hash}?slug=default`, {
          headers: { authorization: `Bearer ${larder.firstToken}` },
        });
        expect(artifact.status).toBe(200);
        expect(artifact.headers.get("x-artifact-duration")).toBe(String(task.cache.timeSaved));
      }
    });

    test("takes signed artifacts with preflight on, and builds again with another key", async () => {
      await using larder = await startLarder();
      const connection = { url: larder.url, token: larder.firstToken, team: "default" };
      await using repo = await Monorepo.create(turbo, { remoteCache: { signature: true, preflight: true } });
      const env = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: "the right key, longer than 32 bytes in all" };
      const otherKey = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: "another key, which is longer than 32 bytes" };

      await repo.build(connection, { env });
      const built = await repo.outputs();
      await repo.forget();
      expect((await repo.build(connection, { env })).output).toContain("FULL TURBO");
      expect(await repo.outputs()).toEqual(built);

      await repo.forget();
      const rotated = await repo.build(connection, { env: otherKey });
      expect(rotated.exitCode).toBe(0);
      expect(rotated.linesWith("cache miss, executing")).toHaveLength(4);
      await repo.forget();
      expect((await repo.build(connection, { env: otherKey })).output).toContain("FULL TURBO");
    });

    test("stays green with a token that may only read", async () => {
      await using larder = await startLarder();
      const created = await larder.cli(
        ...["token", "create", "--team", "default", "--permission", "read", "--name", "reader", "--json"],
      );
      const { token } = JSON.parse(created.stdout) as { token: string };
      const writer = { url: larder.url, token: larder.firstToken, team: "default" };
      const reader = { ...writer, token };
      await using repo = await Monorepo.create(turbo);

      const cold = await repo.build(reader);
      expect(cold.exitCode).toBe(0);
      expect(cold.output).toContain("4 successful, 4 total");
      await repo.forget();
      expect((await repo.plan(reader)).map((task) => task.cache.status)).toEqual(fourTimes("MISS"));

      await repo.build(writer);
      await repo.forget();
      expect((await repo.build(reader)).output).toContain("FULL TURBO");
    });

    test("is told that an artifact is over the limit, and stays green", async () => {
      await using larder = await startLarder({ args: ["--max-artifact-size", "10MiB"] });
      const connection = { url: larder.url, token: larder.firstToken, team: "default" };
      const large = "mkdir -p dist && head -c 30000000 /dev/urandom > dist/large.bin";
      await using repo = await Monorepo.create(turbo, { before: { docs: large } });
      const run = await repo.build(connection);
      expect(run.exitCode).toBe(0);
      expect(run.linesWith("failed to contact remote cache")).toEqual([expect.stringContaining("413")]);
    });

    test("finds larder under a path prefix, with a slash at the end of its URL", async () => {
      await using larder = await startLarder({ args: ["--base-path", "/cache"] });
      const connection = { url: `${larder.url}/`, token: larder.firstToken, team: "default" };
      expect(connection.url).toEndWith("/cache/");
      await using repo = await Monorepo.create(turbo);
      await repo.build(connection);
      await repo.forget();
      expect((await repo.build(connection)).output).toContain("FULL TURBO");
    });
  });
}
