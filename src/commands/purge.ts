import type { Command } from "commander";
import type { PurgeFilter } from "../cache/cache.ts";
import { parseTime, roundSize } from "../config/units.ts";
import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { jsonText } from "./json-text.ts";
import { collected, withCache } from "./with-cache.ts";

interface PurgeOptions {
  team: string;
  hash?: string;
  olderThan?: string;
  writtenBy?: string;
  yes?: true;
  json?: true;
}

/** `larder purge` */
export function purgeCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "purge",
    "Take artifacts of a team out",
    "larder purge --team web --older-than 30d\n  larder purge --team web --written-by tok_0123456789abcdef",
  )
    .requiredOption("--team <slug>", "Slug or id of the team")
    .option("--hash <hash>", "Only the artifact with this hash")
    .option("--older-than <time>", "Only those that were not used for so long, such as 30d")
    .option("--written-by <token>", "Only those that the token with this id wrote")
    .option("--yes", "Really purge all, where nothing narrows it")
    .action((options: PurgeOptions) =>
      withCache(context, command, async (data) => {
        const team = await data.teams.get(options.team);
        const artifacts = await data.cache.purge(filterOf(options, team.id));
        const freed = await collected(data);
        context.stdout(
          options.json
            ? jsonText({ artifacts, freed })
            : `Purged ${counted(artifacts, "artifact")} of team ${team.slug}; freed ${roundSize(freed.sizeBytes)}.\n`,
        );
      }),
    );
  return command;
}

function filterOf({ hash, olderThan, writtenBy, yes }: PurgeOptions, teamId: string): PurgeFilter {
  if (hash === undefined && olderThan === undefined && writtenBy === undefined && !yes) {
    throw new Refusal(
      "bad_request",
      "This would purge all artifacts of the team. Add --yes, or narrow it with --hash, --older-than or --written-by.",
    );
  }
  const ageMs = olderThan === undefined ? undefined : parseTime(olderThan);
  if (olderThan !== undefined && ageMs === undefined) {
    throw new Refusal("bad_request", "--older-than takes a time with its unit, such as 30d or 12h.");
  }
  return {
    teamId,
    ...(hash !== undefined && { hash }),
    ...(writtenBy !== undefined && { writtenBy }),
    ...(ageMs !== undefined && { usedBefore: Date.now() - ageMs }),
  };
}
