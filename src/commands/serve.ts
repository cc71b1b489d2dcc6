import { Command } from "commander";
import { connectText } from "../admin/connect-lines.ts";
import { type App, startApp } from "../app/app.ts";
import { loadConfig } from "../config/load-config.ts";
import { createLog } from "../server/logger.ts";
import { firstSignal } from "../server/signals.ts";
import { roundSize } from "../units.ts";
import { version } from "../version.ts";
import type { CommandContext } from "./command-context.ts";
import { addSettingOptions, settingFlags } from "./setting-options.ts";

/** Below this, whoever tries many finds it; nothing but a warning, since clients may have it already. */
const shortestSecret = 16;

/** `larder serve` */
export function serveCommand(context: CommandContext): Command {
  const command = new Command("serve")
    .description("Start the server")
    .addHelpText("after", "\nExample:\n  larder serve --port 8080 --data /srv/larder")
    .action(async () => {
      const loaded = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
      const { config } = loaded;
      const serverLog = createLog({ level: config.logLevel, format: config.logFormat });
      if (config.turboToken?.some((secret) => secret.length < shortestSecret)) {
        serverLog.log.warn(
          `a secret of turboToken has fewer than ${shortestSecret} characters and can be guessed; choose a longer one, ` +
            "or make tokens with `larder token create`",
        );
      }
      const stop = firstSignal();
      const app = await startApp(loaded, serverLog);
      context.stdout(welcome(app, config.publicUrl));
      serverLog.log.info({ signal: await stop }, "larder stops");
      await app.stop();
    });
  return addSettingOptions(command);
}

function welcome(app: App, publicUrl: string | undefined): string {
  const url = publicUrl ?? app.url;
  const networkUrls = publicUrl === undefined ? app.networkUrls : [];
  const lines = [`larder ${version} serves at ${url}`];
  if (url !== app.url) lines.push(`It listens at ${app.url}`);
  if (networkUrls.length > 0) lines.push(`From other machines: ${networkUrls.join(", ")}`);
  lines.push(
    app.maxSizeBytes === undefined
      ? "Artifacts may fill the disk up to minFree (maxSize is none)."
      : `Artifacts may take ${roundSize(app.maxSizeBytes)} (maxSize).`,
  );
  if (app.setupLink !== undefined) {
    lines.push("", "There is no administrator yet. Within an hour, make the first one here:");
    lines.push("", `  ${app.setupLink}`);
    if (app.firstSecret === undefined) lines.push("");
  }
  if (app.firstSecret === undefined) {
    lines.push("`larder connect` prints what to paste into a repository.", "");
    return lines.join("\n");
  }
  lines.push(
    "",
    `This is its first start: team "${app.teamSlug}" has a first token, shown this once. Paste:`,
    "",
    connectText({ url, networkUrls, teamSlug: app.teamSlug, token: app.firstSecret }),
  );
  return lines.join("\n");
}
