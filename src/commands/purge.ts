import type { Command } from "commander";
import type { PurgeFilter } from "../cache/cache.ts";
import { roundSize } from "../config/units.ts";
import { timeValue } from "../config/value-kinds.ts";
import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { collected, withCache } from "./with-cache.ts";

interface PurgeOptions {
  team: string;
  hash?: string;
  olderThan?: number;
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
    .option(
      "--older-than <time>",
      "Only those that were not used for so long, such as 30d",
      flagValue(timeValue({ minMs: 0 }), context),
    )
    .option("--written-by <token>", "Only those that this token wrote: its id, secret or name")
    .option("--yes", "Really purge all, where nothing narrows it")
    .action(async (options: PurgeOptions) => {
      requireNarrowed(options);
      await withCache(context, command, async (data) => {
        const team = await data.teams.get(options.team);
        const { writtenBy } = options;
        const writer = writtenBy === undefined ? undefined : await data.tokens.find(writtenBy, team.id);
        const artifacts = await data.cache.purge(filterOf(options, team.id, writer?.id));
        const freed = await collected(data);
        context.stdout(
          options.json
            ? jsonText({ artifacts, freed })
            : `Purged ${counted(artifacts, "artifact")} of team ${team.slug}; freed ${roundSize(freed.sizeBytes)}.\n`,
        );
      });
    });
  return command;
}

/** Nobody shall lose all for a flag that was forgotten. */
function requireNarrowed({ hash, olderThan, writtenBy, yes }: PurgeOptions): void {
  if (yes || hash !== undefined || olderThan !== undefined || writtenBy !== undefined) return;
  throw new Refusal(
    "bad_request",
    "This would purge all artifacts of the team. Add --yes, or narrow it with --hash, --older-than or --written-by.",
  );
}

function filterOf({ hash, olderThan }: PurgeOptions, teamId: string, writtenBy?: string): PurgeFilter {
  return {
    teamId,
    ...(hash !== undefined && { hash }),
    ...(writtenBy !== undefined && { writtenBy }),
    ...(olderThan !== undefined && { usedBefore: Date.now() - olderThan }),
  };
}
