import { Command } from "commander";
import { ciLines } from "../admin/ci-lines.ts";
import { connectText, lineTexts } from "../admin/connect-lines.ts";
import { loadConfig } from "../config/load-config.ts";
import { webUrlValue } from "../config/value-kinds.ts";
import { hasDatabase } from "../database/data-folder.ts";
import type { Policy } from "../identity/policies.ts";
import { checkSlug, defaultTeamSlug } from "../identity/teams.ts";
import { type ClientUrls, clientUrls } from "../server/client-urls.ts";
import type { CommandContext } from "./command-context.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { addSettingOptions, settingFlags } from "./setting-options.ts";
import { withData } from "./with-data.ts";

type SharedUrls = Pick<ClientUrls, "url" | "networkUrls">;

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
      let ofTeam: Policy[] = [];
      // Another larder's teams are not known here.
      if (options.url === undefined && hasDatabase(config.data)) {
        await withData(context, command, async ({ teams, policies }) => {
          const { id: teamId, slug } = await teams.get(teamSlug);
          teamSlug = slug;
          ofTeam = await policies.list({ teamId });
        });
      }
      checkSlug(teamSlug);
      context.stdout(
        options.json
          ? jsonText({ ...urls, team: teamSlug, isGuess })
          : connectText({ ...urls, teamSlug }) + ciText(ofTeam, urls, teamSlug),
      );
      if (isGuess) context.stderr(guessText(config.data, "give the URL with --url"));
    });
  return addSettingOptions(command, ["data"]);
}

/** How the jobs of CI do without a stored secret. */
function ciText(policies: readonly Policy[], urls: SharedUrls, teamSlug: string): string {
  if (policies.length > 0) return `\n${ciLinesText(policies, urls)}`;
  return `
CI jobs need no stored secret with a policy, such as:

  larder policy create --team ${teamSlug} --provider github --repository acme/web
`;
}

/** What to paste into the jobs that the policies take. CI runs on other machines. */
export function ciLinesText(policies: readonly Policy[], { url, networkUrls }: SharedUrls): string {
  return lineTexts(ciLines(policies, networkUrls[0] ?? url)).join("\n");
}

/** @param remedy what to do to have a better one, besides starting the server. */
export function guessText(dataFolder: string, remedy: string): string {
  return (
    `No server runs on ${dataFolder}, so the URL is a guess from the settings. ` +
    `Start the server first, or ${remedy}.\n`
  );
}
