import type { Command } from "commander";
import { roundSize } from "../config/units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { collected, withCache } from "./with-cache.ts";

/** `larder gc` */
export function gcCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "gc",
    "Remove what is too old, beyond a quota, or no longer used by any artifact",
    "larder gc --dry-run",
  )
    .option("--dry-run", "Only say what would go")
    .action((options: { dryRun?: true; json?: true }) =>
      withCache(context, command, async (data) => {
        const { evictor, collector } = data.cache;
        if (options.dryRun) {
          const tooOld = await evictor.countTooOld();
          const overQuotaBytes = await evictor.countOverQuota();
          const waiting = await collector.waiting();
          context.stdout(
            options.json
              ? jsonText({ tooOld, overQuotaBytes, unused: waiting })
              : `Would go: ${counted(tooOld, "artifact")} too old, ${roundSize(overQuotaBytes)} beyond quotas, ` +
                  `${counted(waiting.blobs, "unused blob")} (${roundSize(waiting.sizeBytes)}).\n`,
          );
          return;
        }
        context.stderr("Removing artifacts ...\n");
        const expired = await evictor.expire();
        await evictor.shrinkTeams();
        context.stderr("Removing blobs that nothing uses any more ...\n");
        const freed = await collected(data);
        context.stdout(
          options.json
            ? jsonText({ expired, freed })
            : `Removed ${counted(expired, "artifact")} too old; freed ${roundSize(freed.sizeBytes)} in ${counted(freed.blobs, "blob")}.\n`,
        );
      }),
    );
  return command;
}
