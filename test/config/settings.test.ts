import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Place } from "../../src/config/place.ts";
import { flagName, formatSetting, settingKeys, settingOf, variableName } from "../../src/config/settings.ts";

const place: Place = { env: { HOME: "/home/ann" }, cwd: "/srv", platform: "linux", systemHome: undefined };

test.each(settingKeys)("the default of %s is allowed, and reads the same after printing", (key) => {
  const { kind, default: byDefault } = settingOf(key);
  const read = kind.read(typeof byDefault === "string" ? byDefault : byDefault(place), place);
  expect(read).toBeDefined();
  expect(kind.read(kind.format(read?.value), place)).toEqual(read as { value: unknown });
});

test("flags and variables follow from the key", () => {
  expect(flagName("maxArtifactSize")).toBe("--max-artifact-size");
  expect(variableName("maxArtifactSize")).toBe("LARDER_MAX_ARTIFACT_SIZE");
});

test("no value makes a setting throw, and what it takes reads the same after printing", () => {
  const raw = fc.oneof(fc.string(), fc.integer().map(String), fc.webUrl(), fc.anything());
  fc.assert(
    fc.property(fc.constantFrom(...settingKeys), raw, (key, value) => {
      const { kind } = settingOf(key);
      const read = kind.read(value, place);
      if (read) expect(kind.read(kind.format(read.value), place)).toEqual(read);
    }),
    { numRuns: 2_000 },
  );
});

test("a secret is never printed", () => {
  expect(formatSetting("turboToken", ["hunter2"])).toBe("****");
  expect(formatSetting("turboToken", undefined)).toBe("none");
  expect(formatSetting("metricsToken", "0123456789abcdef")).toBe("****");
});

test.each([
  ["port", "65535", 65_535],
  ["port", 0, 0],
  ["port", -0, 0],
  ["host", "[::1]", "::1"],
  ["basePath", "", ""],
  ["basePath", "/", ""],
  ["basePath", "cache/", "/cache"],
  ["basePath", "/a/b-c_d.~1", "/a/b-c_d.~1"],
  ["publicUrl", "https://cache.example.com/", "https://cache.example.com"],
  ["publicUrl", "http://localhost:8080/larder/", "http://localhost:8080/larder"],
  ["publicUrl", "none", undefined],
  ["data", "cache", "/srv/cache"],
  ["data", "~/cache", "/home/ann/cache"],
  ["data", "~ann", "/srv/~ann"],
  ["maxArtifactSize", "1B", 1],
  ["minFree", "0", 0],
  ["minFree", 0, 0],
  ["maxArtifactSize", "1.5GiB", 1.5 * 2 ** 30],
  ["maxRequestsPerMinute", "none", undefined],
  ["maxRequestsPerMinute", 60, 60],
  ["idleTimeout", "255s", 255_000],
  ["shutdownTimeout", "0s", 0],
  ["logLevel", "debug", "debug"],
  ["turboToken", "a, b,", ["a", "b"]],
  ["turboToken", ["a", "b"], ["a", "b"]],
  ["durability", "full", "full"],
  ["durability", "fast", "fast"],
  ["metricsToken", "0123456789abcdef", "0123456789abcdef"],
  ["metricsToken", "none", undefined],
  ["metricsPort", "none", undefined],
  ["metricsPort", "9090", 9090],
] as const)("%s takes %p", (key, raw, value) => {
  expect(settingOf(key).kind.read(raw, place)).toEqual({ value });
});

test.each([
  ["port", "65536"],
  ["port", "-1"],
  ["port", "80.5"],
  ["port", 80.5],
  ["port", "0x50"],
  ["port", true],
  ["host", ""],
  ["host", "http://localhost"],
  ["basePath", "/a/../b"],
  ["basePath", "/./a"],
  ["basePath", "//a"],
  ["basePath", "/a//b"],
  ["basePath", "/a b"],
  ["basePath", "/a?b"],
  ["basePath", "/%2e%2e"],
  ["publicUrl", "cache.example.com"],
  ["publicUrl", "ftp://cache.example.com"],
  ["publicUrl", "https://user:secret@cache.example.com"],
  ["publicUrl", "https://cache.example.com/?"],
  ["publicUrl", "https://cache.example.com/#top"],
  ["data", ""],
  ["data", "a\0b"],
  ["durability", "none"],
  ["durability", ""],
  ["maxArtifactSize", "0"],
  ["maxArtifactSize", "20"],
  ["maxArtifactSize", 20],
  ["minFree", 20],
  ["maxArtifactSize", "none"],
  ["maxArtifactSize", Number.POSITIVE_INFINITY],
  ["maxRequestsPerMinute", "0"],
  ["idleTimeout", "256s"],
  ["idleTimeout", "0s"],
  ["idleTimeout", "1500ms"],
  ["idleTimeout", 60],
  ["shutdownTimeout", "25h"],
  ["logLevel", "INFO"],
  ["turboToken", ""],
  ["turboToken", ","],
  ["turboToken", "two words"],
  ["turboToken", "schlüssel"],
  ["turboToken", [1]],
  ["metricsToken", "0123456789abcde"],
  ["metricsToken", "0123456789 abcdef"],
  ["metricsToken", "sesam, öffne dich!"],
  ["metricsToken", 1234567890123456],
  ["metricsPort", "65536"],
] as const)("%s does not take %p", (key, raw) => {
  expect(settingOf(key).kind.read(raw, place)).toBeUndefined();
});
