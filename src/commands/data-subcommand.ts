import { Command } from "commander";
import type { SettingKey } from "../config/settings.ts";
import { addSettingOptions } from "./setting-options.ts";

/** A command that works on the data folder, with more settings if it needs them. `example` may be several lines. */
export function dataSubcommand(
  name: string,
  description: string,
  example: string,
  settings: readonly SettingKey[] = [],
): Command {
  const command = new Command(name)
    .description(description)
    .option("--json", "Print JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
  return addSettingOptions(command, ["data", ...settings]);
}
