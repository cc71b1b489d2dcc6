import { existsSync, readFileSync } from "node:fs";
import { Refusal } from "../refusal.ts";
import type { Place } from "./place.ts";
import { pathRules, settingsFolder } from "./platform-folders.ts";
import { variableName } from "./settings.ts";

/** Names the file, as the flag `--config` does. */
const configFileVariable = variableName("config");

export interface ConfigFile {
  /** Absolute. */
  path: string;
  entries: [key: string, value: unknown][];
}

/**
 * Reads the file that was named, else `larder.toml` in the current folder, else the user's own; undefined if there is none.
 * @throws Refusal `bad_request` when a named file is missing, or the file cannot be read or is no TOML.
 */
export function readConfigFile(place: Place, flag: string | undefined): ConfigFile | undefined {
  const path = namedFile(place, flag) ?? usualFiles(place).find((file) => existsSync(file));
  if (path === undefined) return undefined;
  const text = readText(path);
  try {
    return { path, entries: Object.entries(Bun.TOML.parse(text)) };
  } catch (error) {
    // The parser quotes what it stumbled over, which may be a secret.
    const reason = (error as Error).message.replace(/^TOML Parse error: /, "").replace(/: ["'].*$/s, "");
    throw new Refusal("bad_request", `${path} is not TOML. ${reason}. Correct it and try again.`);
  }
}

function namedFile(place: Place, flag: string | undefined): string | undefined {
  const named = flag ?? (place.env[configFileVariable] || undefined);
  if (named === undefined) return undefined;
  const path = pathRules(place).resolve(place.cwd, named);
  if (existsSync(path)) return path;
  throw new Refusal(
    "bad_request",
    `There is no file ${path}, which ${flag ? "--config" : `${configFileVariable} in the environment`} names. ` +
      "Create it, or name another file.",
  );
}

function usualFiles(place: Place): string[] {
  const { join } = pathRules(place);
  const folder = settingsFolder(place);
  return [join(place.cwd, "larder.toml"), ...(folder ? [join(folder, "larder.toml")] : [])];
}

function readText(path: string): string {
  try {
    // Editors on Windows may begin a file with a byte order mark, which is no TOML.
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw new Refusal("bad_request", `The file ${path} cannot be read: ${(error as Error).message}.`);
  }
}
