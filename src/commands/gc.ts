import type { Command } from "commander";
import { recordAudit } from "../audit/audit-log.ts";
import type { BlobTotals } from "../storage/blob-storage.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { type CacheData, collectedFrom, withCache, withCacheShown } from "./with-cache.ts";

/** `larder gc` */
export function gcCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "gc",
    "Remove what is too old, over a limit, unused, or long in quarantine",
    "larder gc --dry-run\n  larder gc --max-size 50GiB",
    ["maxSize", "maxAge", "scopeMaxAge"],
  )
    .option("--dry-run", "Only say what would go")
    .action(async ({ dryRun, json = false }: { dryRun?: true; json?: boolean }) => {
      if (dryRun) await withCacheShown(context, command, (data) => showGarbage(context, data, json));
      else await withCache(context, command, (data) => removeGarbage(context, data, json));
    });
  return command;
}

async function showGarbage(
  context: CommandContext,
  { cache, isServed }: CacheData,
  json: boolean,
): Promise<void> {
  const { capacity, evictor, collector } = cache;
  const tooOld = await evictor.countTooOld();
  const overQuotaBytes = await evictor.countOverQuota();
  const overMaxSizeBytes = isServed ? 0 : capacity.excessBytes();
  const waiting = await collector.waiting();
  const quarantined = await collector.longQuarantined();
  context.stdout(
    json
      ? jsonText({ tooOld, overQuotaBytes, overMaxSizeBytes, unused: waiting, quarantined })
      : `Would go: ${counted(tooOld, "artifact")} too old, ${roundSize(overQuotaBytes)} beyond quotas, ` +
          `${roundSize(overMaxSizeBytes)} beyond maxSize, ` +
          `${counted(waiting.blobs, "unused blob")} (${roundSize(waiting.sizeBytes)})${fromQuarantine(quarantined)}.\n`,
  );
}

async function removeGarbage(context: CommandContext, data: CacheData, json: boolean): Promise<void> {
  const { evictor, collector } = data.cache;
  context.stderr("Removing artifacts ...\n");
  const expired = await evictor.expire();
  const overQuota = await evictor.shrinkTeams();
  context.stderr("Removing blobs that nothing uses any more ...\n");
  const unused = await collectedFrom(data);
  // A server that runs keeps to its own limit by itself.
  const evicted = data.isServed ? 0 : await evictor.takeOutExcess();
  const freed = evicted === 0 ? unused : both(unused, await collectedFrom(data));
  const quarantined = await collector.emptyQuarantine();
  if (expired + overQuota + evicted + freed.blobs + quarantined.blobs > 0) {
    const details = { expired, overQuota, evicted, freed, quarantined };
    await data.database.write((tx) => recordAudit(tx, data.by, { kind: "storage.gc", details }));
  }
  context.stdout(
    json
      ? jsonText({ expired, overQuota, evicted, freed, quarantined })
      : `Removed ${counted(expired, "artifact")} too old, ${overQuota} beyond quotas, ${evicted} beyond maxSize; freed ${roundSize(freed.sizeBytes)} in ${counted(freed.blobs, "blob")}${fromQuarantine(quarantined)}.\n`,
  );
}

function both(one: BlobTotals, other: BlobTotals): BlobTotals {
  return { blobs: one.blobs + other.blobs, sizeBytes: one.sizeBytes + other.sizeBytes };
}

/** Nothing where nothing is, which is the rule. */
function fromQuarantine({ blobs, sizeBytes }: { blobs: number; sizeBytes: number }): string {
  return blobs === 0 ? "" : `, and ${roundSize(sizeBytes)} in ${counted(blobs, "blob")} from quarantine`;
}
