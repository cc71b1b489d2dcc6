import type { Command } from "commander";
import { type Overview, overviewOf, teamIdsOf } from "../admin/overview.ts";
import { StorageTotals } from "../admin/storage-totals.ts";
import { usageOverview } from "../admin/usage-overview.ts";
import { pastTimeValue } from "../config/past-time.ts";
import type { Team } from "../identity/teams.ts";
import { Notices } from "../notices/notices.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import { StorageHistory } from "../usage/storage-history.ts";
import { UsageHistory } from "../usage/usage-history.ts";
import { type UsageSpan, usageSpan } from "../usage/usage-span.ts";
import type { CommandContext } from "./command-context.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { statsText } from "./stats-text.ts";
import { type CacheData, withCacheShown } from "./with-cache.ts";

interface StatsOptions {
  team?: string;
  since?: number;
  json?: true;
}

const defaultAgeMs = 7 * 86_400_000;

/** `larder stats` */
export function statsCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "stats",
    "Show what the cache saved, how full it is, and what is wrong",
    "larder stats\n  larder stats --team web --since 30d",
    ["maxSize", "minFree"],
  )
    .option("--team <slug>", "Only this team, by slug or id")
    .option(
      "--since <time>",
      "From then on: 24h or 30d (ago; 7d if not said), or 2026-11-20",
      flagValue(pastTimeValue(), context),
    )
    .action(async ({ team: slug, since, json }: StatsOptions) => {
      const now = Date.now();
      const span = usageSpan(since ?? now - defaultAgeMs, now, now);
      await withCacheShown(context, command, async (data) => {
        const team = slug === undefined ? undefined : await data.teams.get(slug);
        const overview = await overviewFrom(data, span, team);
        if (json) return context.stdout(jsonText(overview));
        context.stdout(statsText(overview, team?.slug));
        const next = firstStep(overview, team?.slug);
        if (next !== undefined) context.stderr(`${next}\n`);
      });
    });
  return command;
}

/** The same as an administrator gets from a server, as far as its data folder tells. */
async function overviewFrom(
  { cache, config, database, teams }: CacheData,
  span: UsageSpan,
  team: Team | undefined,
): Promise<Overview> {
  const view = { isServerAdmin: true, teams: await teams.list(), team };
  const teamIds = teamIdsOf(view);
  const usage = await usageOverview(
    new UsageHistory(database),
    { span, ...(teamIds && { teamIds }) },
    { byTeam: !team },
  );
  const sources = {
    cache,
    storageTotals: new StorageTotals(database, DiskStorage.beside(config.data)),
    storageHistory: new StorageHistory(database),
    notices: await Notices.open({ cache, database }),
  };
  return await overviewOf(sources, usage, view);
}

/** What to do where there is nothing to be seen yet. */
function firstStep(
  { totals, isFirstHitSeen, hasArtifacts }: Overview,
  team: string | undefined,
): string | undefined {
  const isUsed = totals.remoteHits + totals.remoteMisses + totals.localHits + totals.uploads > 0;
  if (isFirstHitSeen)
    return isUsed ? undefined : "Nothing happened in that time. --since 30d shows more of it.";
  const connect = `larder connect${team === undefined ? "" : ` --team ${team}`}`;
  if (!hasArtifacts && !isUsed) {
    return `Nobody has used this cache yet. \`${connect}\` shows what to paste into a repository; then run a build there.`;
  }
  return (
    "Nothing has come from this cache yet. Run a build that was uploaded once more where it never ran, " +
    "or with `turbo run build --cache=remote:rw`, which leaves the local cache out. Of what has just been built, the figures come " +
    "within half a minute."
  );
}
