import type { Command } from "commander";
import { type UsageOverview, usageOverview } from "../admin/usage-overview.ts";
import { pastTimeValue } from "../config/past-time.ts";
import type { Database } from "../database/database.ts";
import { artifacts } from "../database/schema.ts";
import { UsageHistory } from "../usage/usage-history.ts";
import { usageSpan } from "../usage/usage-span.ts";
import type { CommandContext } from "./command-context.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { statsText } from "./stats-text.ts";
import { withData } from "./with-data.ts";

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
    "Show what the cache saved, when, and for whom",
    "larder stats\n  larder stats --team web --since 30d",
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
      await withData(context, command, async ({ database, teams }) => {
        const team = slug === undefined ? undefined : await teams.get(slug);
        const history = new UsageHistory(database);
        const overview = await usageOverview(
          history,
          { span, ...(team && { teamIds: [team.id] }) },
          { byTeam: team === undefined },
        );
        if (json) return context.stdout(jsonText(overview));
        context.stdout(statsText(overview, team?.slug));
        const next = await firstStep(overview, database, team?.slug);
        if (next !== undefined) context.stderr(`${next}\n`);
      });
    });
  return command;
}

/** What to do where there is nothing to be seen yet. */
async function firstStep(
  { totals, isFirstHitSeen }: UsageOverview,
  database: Database,
  team: string | undefined,
): Promise<string | undefined> {
  const isUsed = totals.remoteHits + totals.remoteMisses + totals.localHits + totals.uploads > 0;
  if (isFirstHitSeen)
    return isUsed ? undefined : "Nothing happened in that time. --since 30d shows more of it.";
  const [stored] = await database.read.select({ id: artifacts.id }).from(artifacts).limit(1);
  const connect = `larder connect${team === undefined ? "" : ` --team ${team}`}`;
  if (!stored && !isUsed) {
    return `Nobody has used this cache yet. \`${connect}\` shows what to paste into a repository; then run a build there.`;
  }
  return (
    "Nothing has come from this cache yet. Run a build that was uploaded once more where it never ran, " +
    "or with `turbo run build --cache=remote:rw`, which leaves the local cache out."
  );
}
