import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Flags, type LoadedConfig, loadConfig } from "../../src/config/load-config.ts";
import { Refusal } from "../../src/refusal.ts";

let folder: string;
let cwd: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "larder-config-"));
  cwd = join(folder, "cwd");
  mkdirSync(cwd);
});

afterEach(() => rmSync(folder, { recursive: true }));

function load(env: Record<string, string> = {}, flags: Flags = {}): LoadedConfig {
  return loadConfig({ flags, env: { HOME: join(folder, "home"), ...env }, cwd, platform: "linux" });
}

function refusalOf(env: Record<string, string> = {}, flags: Flags = {}): string {
  try {
    load(env, flags);
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return (error as Refusal).message;
  }
  throw new Error("It was not refused.");
}

function writeToml(text: string, path = join(cwd, "larder.toml")): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("what wins", () => {
  test("nothing given means the defaults", () => {
    const { config, sources } = load();
    expect(config).toEqual({
      host: "0.0.0.0",
      port: 5273,
      basePath: "",
      publicUrl: undefined,
      proxyHops: 0,
      data: join(folder, "home/.local/share/larder"),
      durability: "full",
      maxArtifactSize: 2 ** 31,
      maxSize: "auto",
      minFree: 1024 ** 3,
      maxAge: undefined,
      scopeMaxAge: 14 * 86_400_000,
      verifyRate: 10 * 1024 ** 2,
      maxRequestsPerMinute: undefined,
      shutdownTimeout: 30_000,
      idleTimeout: 60_000,
      sessionMaxAge: 7 * 86_400_000,
      eventMaxAge: 30 * 86_400_000,
      auditMaxAge: 365 * 86_400_000,
      loginTokenMaxAge: 90 * 86_400_000,
      logLevel: "info",
      logFormat: "auto",
      metricsToken: undefined,
      metricsPort: undefined,
      metricsHost: "127.0.0.1",
      turboToken: undefined,
      oidcIssuer: undefined,
      oidcClientId: undefined,
      oidcClientSecret: undefined,
      oidcName: undefined,
      oidcScopes: "openid email profile",
      oidcGroupsClaim: "groups",
      oidcAccess: undefined,
    });
    expect(sources.port).toEqual({ kind: "default", name: "default" });
  });

  test("a flag wins over the environment, that over the file, and that over the default", () => {
    const file = writeToml("port = 1");
    expect(load()).toMatchObject({ config: { port: 1 }, sources: { port: { kind: "file", name: file } } });
    expect(load({ LARDER_PORT: "2" })).toMatchObject({
      config: { port: 2 },
      sources: { port: { kind: "environment", name: "LARDER_PORT" } },
    });
    expect(load({ LARDER_PORT: "2" }, { port: "3" })).toMatchObject({
      config: { port: 3 },
      sources: { port: { kind: "flag", name: "--port" } },
    });
  });

  test("none takes back what a lower place has set", () => {
    writeToml("maxRequestsPerMinute = 10");
    expect(load({ LARDER_MAX_REQUESTS_PER_MINUTE: "none" }).config.maxRequestsPerMinute).toBeUndefined();
  });

  test("an empty variable counts as not set", () => {
    writeToml("port = 1");
    expect(load({ LARDER_PORT: "" }).config.port).toBe(1);
  });

  test("TURBO_TOKEN is read too, and LARDER_TURBO_TOKEN wins", () => {
    expect(load({ TURBO_TOKEN: "a,b" })).toMatchObject({
      config: { turboToken: ["a", "b"] },
      sources: { turboToken: { kind: "environment", name: "TURBO_TOKEN" } },
    });
    expect(load({ TURBO_TOKEN: "a", LARDER_TURBO_TOKEN: "c" }).config.turboToken).toEqual(["c"]);
  });

  test("variables that Kubernetes sets for a service called larder are no settings", () => {
    const { config } = load({
      LARDER_PORT: "tcp://10.0.0.1:80",
      LARDER_SERVICE_HOST: "10.0.0.1",
      LARDER_PORT_80_TCP: "tcp://10.0.0.1:80",
    });
    expect(config.port).toBe(5273);
  });
});

describe("the file", () => {
  test("takes native values and text", () => {
    writeToml('port = 80\nminFree = 0\neventMaxAge = "1d"\nturboToken = ["a", "b"]');
    expect(load().config).toMatchObject({
      port: 80,
      minFree: 0,
      eventMaxAge: 86_400_000,
      turboToken: ["a", "b"],
    });
  });

  test("is the named one, else that of the current folder, else the user's", () => {
    writeToml("port = 3", join(folder, "home/.config/larder/larder.toml"));
    expect(load().config.port).toBe(3);
    writeToml("port = 4", join(folder, "xdg/larder/larder.toml"));
    expect(load({ XDG_CONFIG_HOME: join(folder, "xdg") }).config.port).toBe(4);
    writeToml("port = 2");
    expect(load().config.port).toBe(2);
    writeToml("port = 5", join(cwd, "other.toml"));
    expect(load({ LARDER_CONFIG: "other.toml" }).config.port).toBe(5);
    const named = writeToml("port = 6", join(folder, "named.toml"));
    expect(load({ LARDER_CONFIG: "other.toml" }, { config: "../named.toml" })).toMatchObject({
      config: { port: 6 },
      sources: { port: { name: named } },
    });
  });

  test("must exist if it is named", () => {
    expect(refusalOf({}, { config: "gone.toml" })).toStartWith(
      `There is no file ${cwd}/gone.toml, which --config names.`,
    );
    expect(refusalOf({ LARDER_CONFIG: "/gone.toml" })).toContain(
      "which LARDER_CONFIG in the environment names",
    );
    expect(refusalOf({}, { config: "" })).toContain("cannot be read");
  });

  test("that is no TOML is refused with its path and the reason", () => {
    const file = writeToml("port = 80\nhost =");
    expect(refusalOf()).toMatch(/ is not TOML\. Missing value .+\. Correct it and try again\.$/);
    expect(refusalOf()).toStartWith(file);
  });

  test("names a data folder from where it lies itself, and not from the current folder", () => {
    const named = writeToml('data = "./cache"', join(folder, "etc/named.toml"));
    expect(load({}, { config: named }).config.data).toBe(join(folder, "etc/cache"));
    expect(load({ LARDER_DATA: "./cache" }, { config: named }).config.data).toBe(join(cwd, "cache"));
    expect(load({}, { config: named, data: "./cache" }).config.data).toBe(join(cwd, "cache"));
  });

  test("that is no TOML does not give its secret away", () => {
    writeToml("turboToken = hunter2");
    expect(refusalOf()).not.toContain("hunter2");
  });

  test("may begin with a byte order mark", () => {
    writeToml("\uFEFFport = 80");
    expect(load().config.port).toBe(80);
  });
});

describe("what is refused", () => {
  test("an unknown key, with where it stands and what was meant", () => {
    const file = writeToml("max-artifact-size = 1");
    expect(refusalOf()).toBe(`max-artifact-size in ${file} is not a setting. Did you mean maxArtifactSize?`);
  });

  test.each(["__proto__", "constructor", "toString"])("the key %s, which every object has", (key) => {
    writeToml(`${key} = 1`);
    expect(refusalOf()).toContain(`${key} in `);
  });

  test("an unknown variable, with what was meant", () => {
    expect(refusalOf({ LARDER_PROT: "80" })).toBe(
      "LARDER_PROT in the environment is not a setting. Did you mean LARDER_PORT?",
    );
    expect(refusalOf({ LARDER_CONFIGS: "x" })).toContain("Did you mean LARDER_CONFIG?");
    expect(refusalOf({ LARDER_UNHEARD_OF: "x" })).toContain("`larder serve --help` lists all settings.");
  });

  test("a value that is not allowed, with where it stands and what is", () => {
    const file = writeToml('port = "many"');
    expect(refusalOf()).toBe(`port in ${file} is "many". It takes a whole number from 0 to 65535.`);
    rmSync(file);
    expect(refusalOf({ LARDER_PORT: "many" })).toStartWith('LARDER_PORT in the environment is "many".');
    expect(refusalOf({}, { maxArtifactSize: "0" })).toStartWith(
      '--max-artifact-size is "0". It takes a size with its unit, such as',
    );
  });

  test("a bad value in the file even where a flag wins", () => {
    const file = writeToml("port = -1");
    expect(refusalOf({}, { port: "80" })).toStartWith(`port in ${file} is -1.`);
  });

  test("a secret that is not allowed, without showing it", () => {
    for (const name of ["TURBO_TOKEN", "LARDER_TURBO_TOKEN"]) {
      const message = refusalOf({ [name]: "hunter 2" });
      expect(message).toStartWith(`${name} in the environment is ****. It takes`);
      expect(message).not.toContain("hunter");
    }
  });

  test("a TOML table or date where a value is due", () => {
    writeToml("host = 2020-01-01\n[port]\nnumber = 80");
    expect(refusalOf()).toContain('is "2020-01-01". It takes an address');
    expect(refusalOf()).toContain('is {"number":80}. It takes a whole number');
  });

  test("everything at once", () => {
    const file = writeToml("colour = 1");
    expect(refusalOf({ LARDER_LOG_LEVEL: "loud" }, { port: "x" }).split("\n")).toEqual([
      "3 settings are wrong:",
      `  colour in ${file} is not a setting. \`larder serve --help\` lists all settings.`,
      '  --port is "x". It takes a whole number from 0 to 65535.',
      '  LARDER_LOG_LEVEL in the environment is "loud". It takes one of error, warn, info, debug.',
    ]);
  });
});
