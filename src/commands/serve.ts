import { Command } from "commander";
import { startApp } from "../app/app.ts";
import { loadConfig } from "../config/load-config.ts";
import { createLog } from "../server/logger.ts";
import { firstSignal } from "../server/signals.ts";
import type { CommandContext } from "./command-context.ts";
import { addSettingOptions, settingFlags } from "./setting-options.ts";
import { welcomeText } from "./welcome-text.ts";

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
      context.stdout(welcomeText(app, config.publicUrl));
      serverLog.log.info({ signal: await stop }, "larder stops");
      await app.stop();
    });
  return addSettingOptions(command);
}
