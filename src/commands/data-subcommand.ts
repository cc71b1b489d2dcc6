import { Command } from "commander";
import { addSettingOptions } from "./setting-options.ts";

/** A command that works on the data folder. `example` may be several lines. */
export function dataSubcommand(name: string, description: string, example: string): Command {
  const command = new Command(name)
    .description(description)
    .option("--json", "Print JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
  return addSettingOptions(command, ["data"]);
}
