import { Command } from "commander";
import { type LoadedConfig, loadConfig, type Source } from "../config/load-config.ts";
import { formatSetting, settingJson, settingKeys } from "../config/settings.ts";
import type { CommandContext } from "./command-context.ts";
import { jsonText } from "./json-text.ts";
import { addSettingOptions, settingFlags } from "./setting-options.ts";
import { textTable } from "./text-table.ts";

/** `larder config` */
export function configCommand(context: CommandContext): Command {
  const command = new Command("config")
    .description("Show every setting, its value and where it comes from")
    .option("--json", "Print JSON")
    .addHelpText("after", "\nExample:\n  larder config\n  larder config --config /etc/larder.toml --json")
    .action((options: { json?: true }) => {
      const loaded = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
      context.stdout(options.json ? jsonText(asJson(loaded)) : asTable(loaded));
    });
  return addSettingOptions(command);
}

function asTable({ config, sources }: LoadedConfig): string {
  return textTable([
    ["SETTING", "VALUE", "FROM"],
    ...settingKeys.map((key) => [key, formatSetting(key, config[key]) || '""', origin(sources[key])]),
  ]);
}

function asJson({ config, sources }: LoadedConfig): Record<string, unknown> {
  return Object.fromEntries(
    settingKeys.map((key) => [key, { value: settingJson(key, config[key]), source: sources[key] }]),
  );
}

function origin(source: Source): string {
  return source.kind === "default" || source.kind === "file"
    ? source.name
    : `${source.name} (${source.kind})`;
}
