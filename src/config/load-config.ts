import { Refusal } from "../refusal.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { nearestName } from "./nearest-name.ts";
import type { Place } from "./place.ts";
import { pathRules, systemHome } from "./platform-folders.ts";
import { isServiceLink } from "./service-links.ts";
import {
  type Config,
  flagName,
  type SettingKey,
  settingKeys,
  settingOf,
  settings,
  variableName,
} from "./settings.ts";

/** What was given on the command line, as it was written. */
export type Flags = { readonly [Key in SettingKey | "config"]?: string };

/** Where a value came from. `name` is as written there: `--port`, `LARDER_PORT`, or the path of the file. */
export interface Source {
  kind: "flag" | "environment" | "file" | "default";
  name: string;
}

export type Sources = { readonly [Key in SettingKey]: Source };

export interface LoadedConfig {
  config: Config;
  sources: Sources;
}

interface Given {
  source: Source;
  raw: unknown;
}

/**
 * Works out every setting: flags win over the environment, that over `larder.toml`, and that over the defaults.
 * An empty variable counts as not set.
 * @throws Refusal `bad_request` that names everything unknown or not allowed at once.
 */
export function loadConfig(from: {
  flags: Flags;
  env: Place["env"];
  /** Absolute. */
  cwd: string;
  platform?: NodeJS.Platform;
}): LoadedConfig {
  const { flags, env, cwd, platform = process.platform } = from;
  const place: Place = { env, cwd, platform, systemHome: systemHome() };
  const file = readConfigFile(place, flags.config);
  const problems = [...unknownKeys(file), ...unknownVariables(env)];

  const values: Partial<Record<SettingKey, unknown>> = {};
  const sources: Partial<Record<SettingKey, Source>> = {};
  for (const key of settingKeys) {
    const { kind } = settingOf(key);
    // The losers are read too: a mistake in the file shall not wait for the day on which the flag is gone.
    for (const given of [
      defaultOf(key, place),
      fromFile(key, file),
      fromEnvironment(key, env),
      fromFlags(key, flags),
    ]) {
      if (!given) continue;
      const read = kind.read(given.raw, placeOf(given.source, place));
      if (!read) {
        problems.push(notAllowed(key, given));
        continue;
      }
      values[key] = read.value;
      sources[key] = given.source;
    }
  }
  if (problems.length > 0) throw new Refusal("bad_request", asOneMessage(problems));
  return { config: values as Config, sources: sources as Sources };
}

function fromFlags(key: SettingKey, flags: Flags): Given | undefined {
  const raw = flags[key];
  return raw === undefined ? undefined : { source: { kind: "flag", name: flagName(key) }, raw };
}

function fromEnvironment(key: SettingKey, env: Place["env"]): Given | undefined {
  const { otherVariable } = settingOf(key);
  for (const name of [variableName(key), ...(otherVariable ? [otherVariable] : [])]) {
    const raw = env[name];
    if (raw && !isServiceLink(name, raw)) return { source: { kind: "environment", name }, raw };
  }
  return undefined;
}

function fromFile(key: SettingKey, file: ConfigFile | undefined): Given | undefined {
  const entry = file?.entries.find(([name]) => name === key);
  return file && entry && { source: { kind: "file", name: file.path }, raw: entry[1] };
}

/** A path in the file is meant from where the file lies, wherever the server is started from. */
function placeOf(source: Source, place: Place): Place {
  return source.kind === "file" ? { ...place, cwd: pathRules(place).dirname(source.name) } : place;
}

function defaultOf(key: SettingKey, place: Place): Given {
  const { default: text } = settingOf(key);
  return {
    source: { kind: "default", name: "default" },
    raw: typeof text === "function" ? text(place) : text,
  };
}

function unknownKeys(file: ConfigFile | undefined): string[] {
  if (!file) return [];
  return file.entries
    .filter(([key]) => !Object.hasOwn(settings, key))
    .map(([key]) => `${key} in ${file.path} is not a setting. ${didYouMean(nearestName(key, settingKeys))}`);
}

function unknownVariables(env: Place["env"]): string[] {
  // Compared without what all of them begin with, which would make any two of them look alike.
  const known = new Map([...settingKeys, "config"].map((key) => [key, variableName(key)]));
  // A CI job has its own token there, for `larder exchange`.
  const names = [...known.values(), "LARDER_ID_TOKEN"];
  return Object.entries(env)
    .filter(
      ([name, value]) =>
        name.startsWith("LARDER_") && !names.includes(name) && !isServiceLink(name, value ?? ""),
    )
    .map(([name]) => {
      const key = nearestName(name.slice("LARDER_".length), [...known.keys()]);
      return `${name} in the environment is not a setting. ${didYouMean(key && known.get(key))}`;
    });
}

function notAllowed(key: SettingKey, given: Given): string {
  const { kind, secret } = settingOf(key);
  const { source } = given;
  const where = {
    flag: source.name,
    environment: `${source.name} in the environment`,
    file: `${key} in ${source.name}`,
    default: `The default of ${key}`,
  }[source.kind];
  return `${where} is ${secret ? "****" : written(given.raw)}. It takes ${kind.allowed}.`;
}

function written(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function didYouMean(name: string | undefined): string {
  return name ? `Did you mean ${name}?` : "`larder serve --help` lists all settings.";
}

function asOneMessage(problems: string[]): string {
  if (problems.length === 1) return problems[0] as string;
  return [`${problems.length} settings are wrong:`, ...problems].join("\n  ");
}
