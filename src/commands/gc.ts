import type { Command } from "commander";
import { countGarbage, removeGarbage } from "../cache/garbage.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { type CacheData, collectsWithinMs, withCache, withCacheShown } from "./with-cache.ts";

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
      else await withCache(context, command, (data) => removeGarbageOf(context, data, json));
    });
  return command;
}

async function showGarbage(
  context: CommandContext,
  { cache, isServed }: CacheData,
  json: boolean,
): Promise<void> {
  const garbage = await countGarbage(cache, { evicts: !isServed });
  const { tooOld, overQuotaBytes, overMaxSizeBytes, unused, quarantined } = garbage;
  context.stdout(
    json
      ? jsonText(garbage)
      : `Would go: ${counted(tooOld, "artifact")} too old, ${roundSize(overQuotaBytes)} beyond quotas, ` +
          `${roundSize(overMaxSizeBytes)} beyond maxSize, ` +
          `${counted(unused.blobs, "unused blob")} (${roundSize(unused.sizeBytes)})${fromQuarantine(quarantined)}.\n`,
  );
}

async function removeGarbageOf(
  context: CommandContext,
  { cache, database, by, isServed }: CacheData,
  json: boolean,
): Promise<void> {
  context.stderr("Removing artifacts ...\n");
  const removed = await removeGarbage({
    cache,
    database,
    by,
    isOurs: !isServed,
    withinMs: collectsWithinMs,
    evicts: !isServed,
    onBlobs: () => context.stderr("Removing blobs that nothing uses any more ...\n"),
  });
  const { expired, overQuota, evicted, freed, quarantined } = removed;
  context.stdout(
    json
      ? jsonText(removed)
      : `Removed ${counted(expired, "artifact")} too old, ${overQuota} beyond quotas, ${evicted} beyond maxSize; freed ${roundSize(freed.sizeBytes)} in ${counted(freed.blobs, "blob")}${fromQuarantine(quarantined)}.\n`,
  );
}

/** Nothing where nothing is, which is the rule. */
function fromQuarantine({ blobs, sizeBytes }: { blobs: number; sizeBytes: number }): string {
  return blobs === 0 ? "" : `, and ${roundSize(sizeBytes)} in ${counted(blobs, "blob")} from quarantine`;
}
