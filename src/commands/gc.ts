import type { Command } from "commander";
import { roundSize } from "../config/units.ts";
import type { BlobTotals } from "../storage/blob-storage.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { collected, withCache } from "./with-cache.ts";

/** `larder gc` */
export function gcCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "gc",
    "Remove what is too old, over a quota or maxSize, unused, or in quarantine for over 30 days",
    "larder gc --dry-run\n  larder gc --max-size 50GiB",
    ["maxSize", "maxAge"],
  )
    .option("--dry-run", "Only say what would go")
    .action((options: { dryRun?: true; json?: true }) =>
      withCache(context, command, async (data) => {
        const { capacity, evictor, collector } = data.cache;
        if (options.dryRun) {
          const tooOld = await evictor.countTooOld();
          const overQuotaBytes = await evictor.countOverQuota();
          const overMaxSizeBytes = data.isServed ? 0 : capacity.excessBytes();
          const waiting = await collector.waiting();
          const quarantined = await collector.longQuarantined();
          context.stdout(
            options.json
              ? jsonText({ tooOld, overQuotaBytes, overMaxSizeBytes, unused: waiting, quarantined })
              : `Would go: ${counted(tooOld, "artifact")} too old, ${roundSize(overQuotaBytes)} beyond quotas, ` +
                  `${roundSize(overMaxSizeBytes)} beyond maxSize, ` +
                  `${counted(waiting.blobs, "unused blob")} (${roundSize(waiting.sizeBytes)})${fromQuarantine(quarantined)}.\n`,
          );
          return;
        }
        context.stderr("Removing artifacts ...\n");
        const expired = await evictor.expire();
        await evictor.shrinkTeams();
        context.stderr("Removing blobs that nothing uses any more ...\n");
        const unused = await collected(data);
        // A server that runs keeps to its own limit by itself.
        const evicted = data.isServed ? 0 : await evictor.takeOutExcess();
        const freed = evicted === 0 ? unused : both(unused, await collected(data));
        const quarantined = await collector.emptyQuarantine();
        context.stdout(
          options.json
            ? jsonText({ expired, evicted, freed, quarantined })
            : `Removed ${counted(expired, "artifact")} too old, ${evicted} beyond maxSize; freed ${roundSize(freed.sizeBytes)} in ${counted(freed.blobs, "blob")}${fromQuarantine(quarantined)}.\n`,
        );
      }),
    );
  return command;
}

function both(one: BlobTotals, other: BlobTotals): BlobTotals {
  return { blobs: one.blobs + other.blobs, sizeBytes: one.sizeBytes + other.sizeBytes };
}

/** Nothing where nothing is, which is the rule. */
function fromQuarantine({ blobs, sizeBytes }: { blobs: number; sizeBytes: number }): string {
  return blobs === 0 ? "" : `, and ${roundSize(sizeBytes)} in ${counted(blobs, "blob")} from quarantine`;
}
