import { type Command, Option } from "commander";
import type { Flags } from "../config/load-config.ts";
import { flagName, type SettingKey, settingKeys, settingOf, variableName } from "../config/settings.ts";

type FlagKey = SettingKey | "config";

/** Gives a command `--config` and a flag for each of these settings; without `keys`, for every setting there is. */
export function addSettingOptions(command: Command, keys: readonly SettingKey[] = settingKeys): Command {
  command.addOption(
    new Option(
      "--config <file>",
      "File with settings (default: larder.toml here or in your settings folder)",
    ).helpGroup("Settings:"),
  );
  for (const key of keys) {
    const { kind, doc, default: byDefault, defaultDoc } = settingOf(key);
    const shown = typeof byDefault === "string" ? byDefault : defaultDoc;
    // Commander must not fill in the default itself: then nobody could tell where a value came from.
    const description = shown && shown !== "none" ? `${doc} (default: ${shown})` : doc;
    command.addOption(
      new Option(`${flagName(key)} <${kind.placeholder}>`, description).helpGroup("Settings:"),
    );
  }
  if (keys === settingKeys) command.addHelpText("after", elsewhere);
  return command;
}

const elsewhere = `
Each setting may also stand in the environment, such as ${variableName("maxArtifactSize")}=2GiB,
or in larder.toml, such as maxArtifactSize = "2GiB". Flags win over the environment, and that over the file.`;

/** The settings among the flags that a command was given, for `loadConfig`. */
export function settingFlags(command: Command): Flags {
  const given: Record<string, unknown> = command.opts();
  const flags: Partial<Record<FlagKey, string>> = {};
  for (const key of ["config", ...settingKeys] as const) {
    if (typeof given[key] === "string") flags[key] = given[key];
  }
  return flags;
}
