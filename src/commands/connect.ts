import { Command } from "commander";
import { connectText } from "../admin/connect-lines.ts";
import { loadConfig } from "../config/load-config.ts";
import { webUrlValue } from "../config/value-kinds.ts";
import { hasDatabase } from "../database/data-folder.ts";
import { checkSlug, defaultTeamSlug } from "../identity/teams.ts";
import { clientUrls } from "../server/client-urls.ts";
import type { CommandContext } from "./command-context.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { addSettingOptions, settingFlags } from "./setting-options.ts";
import { withData } from "./with-data.ts";

/** `larder connect` */
export function connectCommand(context: CommandContext): Command {
  const command = new Command("connect")
    .description("Print what to paste into a repository so that it uses this larder")
    .option("--team <slug>", `Team to connect to, by slug or id (default: ${defaultTeamSlug})`)
    .option(
      "--url <url>",
      "URL that clients use (default: that of the server)",
      flagValue(webUrlValue(), context),
    )
    .option("--json", "Print JSON")
    .addHelpText("after", "\nExample:\n  larder connect --team web --url https://cache.example.com")
    .action(async (options: { team?: string; url?: string; json?: true }) => {
      const { config } = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
      const { isGuess, ...urls } = clientUrls({ ...config, publicUrl: options.url ?? config.publicUrl });
      let teamSlug = options.team ?? defaultTeamSlug;
      // Another larder's teams are not known here.
      if (options.team !== undefined && options.url === undefined && hasDatabase(config.data)) {
        await withData(context, command, async ({ teams }) => {
          teamSlug = (await teams.get(teamSlug)).slug;
        });
      }
      checkSlug(teamSlug);
      context.stdout(
        options.json ? jsonText({ ...urls, team: teamSlug, isGuess }) : connectText({ ...urls, teamSlug }),
      );
      if (isGuess) {
        context.stderr(
          `No server runs on ${config.data}, so the URL is a guess from the settings. ` +
            "Start the server first, or give the URL with --url.\n",
        );
      }
    });
  return addSettingOptions(command, ["data"]);
}
