import { expect, test } from "bun:test";
import { join } from "node:path";
import { flagName, settingKeys, settings, variableName } from "../src/config/settings.ts";
import { version } from "../src/version.ts";

const readme = await Bun.file(join(import.meta.dir, "../README.md")).text();

test.each(settingKeys)("the README's table of settings has %s as it is", (key) => {
  const row = readme.split("\n").find((line) => line.startsWith(`| \`${key}\` |`));
  expect(row).toBeDefined();
  const [, name, flag, variable, fallback] = (row as string).split("|").map((cell) => cell.trim());
  expect(name).toBe(`\`${key}\``);
  expect(flag).toBe(`\`${flagName(key)}\``);
  expect(variable).toContain(`\`${variableName(key)}\``);
  const setting = settings[key];
  if (typeof setting.default === "string")
    expect(fallback).toBe(setting.default === "" ? "" : `\`${setting.default}\``);
});

test("the README has no setting that is not there, and the version that is", () => {
  const rows = readme.split("\n").filter((line) => /^\| `\w+` \| `--/.test(line));
  expect(rows).toHaveLength(settingKeys.length);
  expect(readme).toContain(`larder ${version} |`);
});
