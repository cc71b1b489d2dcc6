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
    "Remove what is too old, over a quota, unused, or in quarantine for over 30 days",
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
          const quarantined = await collector.longQuarantined();
          context.stdout(
            options.json
              ? jsonText({ tooOld, overQuotaBytes, unused: waiting, quarantined })
              : `Would go: ${counted(tooOld, "artifact")} too old, ${roundSize(overQuotaBytes)} beyond quotas, ` +
                  `${counted(waiting.blobs, "unused blob")} (${roundSize(waiting.sizeBytes)})${fromQuarantine(quarantined)}.\n`,
          );
          return;
        }
        context.stderr("Removing artifacts ...\n");
        const expired = await evictor.expire();
        await evictor.shrinkTeams();
        context.stderr("Removing blobs that nothing uses any more ...\n");
        const freed = await collected(data);
        const quarantined = await collector.emptyQuarantine();
        context.stdout(
          options.json
            ? jsonText({ expired, freed, quarantined })
            : `Removed ${counted(expired, "artifact")} too old; freed ${roundSize(freed.sizeBytes)} in ${counted(freed.blobs, "blob")}${fromQuarantine(quarantined)}.\n`,
        );
      }),
    );
  return command;
}

/** Nothing where nothing is, which is the rule. */
function fromQuarantine({ blobs, sizeBytes }: { blobs: number; sizeBytes: number }): string {
  return blobs === 0 ? "" : `, and ${roundSize(sizeBytes)} in ${counted(blobs, "blob")} from quarantine`;
}
