import { afterEach, beforeEach, expect, test } from "bun:test";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingKeys } from "../../src/config/settings.ts";
import { type Cli, openCli } from "./cli.ts";

let cli: Cli;
beforeEach(() => {
  cli = openCli();
});
afterEach(() => cli[Symbol.dispose]());

test("every setting is shown with its value in human units and where it comes from", async () => {
  writeFileSync(join(cli.cwd, "larder.toml"), 'maxArtifactSize = "1572864B"');
  const { stdout, exitCode } = await cli.larder(["config", "--port", "80"], { LARDER_EVENT_MAX_AGE: "48h" });
  expect(exitCode).toBe(0);
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(rows[0]).toEqual(["SETTING", "VALUE", "FROM"]);
  expect(rows.slice(1).map(([key]) => key)).toEqual([...settingKeys]);
  expect(rows).toContainEqual(["port", "80", "--port (flag)"]);
  expect(rows).toContainEqual(["eventMaxAge", "2d", "LARDER_EVENT_MAX_AGE (environment)"]);
  expect(rows).toContainEqual(["maxArtifactSize", "1536KiB", join(realpathSync(cli.cwd), "larder.toml")]);
  expect(rows).toContainEqual(["maxRequestsPerMinute", "none", "default"]);
});

test("as JSON, with null for none", async () => {
  const { stdout } = await cli.larder(["config", "--json", "--base-path", "cache/"], {
    LARDER_PORT: "80",
    LARDER_MAX_REQUESTS_PER_MINUTE: "60",
    LARDER_IDLE_TIMEOUT: "90s",
  });
  const shown = JSON.parse(stdout);
  expect(Object.keys(shown)).toEqual([...settingKeys]);
  expect(shown).toMatchObject({
    port: { value: 80, source: { kind: "environment", name: "LARDER_PORT" } },
    basePath: { value: "/cache", source: { kind: "flag", name: "--base-path" } },
    maxArtifactSize: { value: "2GiB", source: { kind: "default", name: "default" } },
    maxRequestsPerMinute: { value: 60 },
    idleTimeout: { value: "90s" },
    publicUrl: { value: null, source: { kind: "default", name: "default" } },
  });
});

test("a bare number is a size in bytes", async () => {
  const { stdout } = await cli.larder(["config", "--json", "--max-artifact-size", "500B"]);
  expect(JSON.parse(stdout).maxArtifactSize.value).toBe("500B");
});

test("secrets are masked, wherever they come from", async () => {
  for (const args of [["config"], ["config", "--json"]]) {
    const fromEnvironment = await cli.larder(args, { TURBO_TOKEN: "hunter2" });
    const fromFlag = await cli.larder([...args, "--turbo-token", "hunter2"]);
    for (const { stdout, stderr } of [fromEnvironment, fromFlag]) {
      expect(stdout).toContain("****");
      expect(stdout + stderr).not.toContain("hunter2");
    }
  }
});
