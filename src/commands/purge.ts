import type { Command } from "commander";
import { isoTime } from "../admin/iso-time.ts";
import { purgeFilter } from "../admin/purge-filter.ts";
import { countPurge, type PurgeFilter, type PurgeTotals, type Writers } from "../cache/purge.ts";
import { pastTimeValue } from "../config/past-time.ts";
import { timeValue } from "../config/value-kinds.ts";
import { checkScope } from "../identity/scope.ts";
import { Refusal } from "../refusal.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { type CacheData, collectedFrom, withCache, withCacheShown } from "./with-cache.ts";
import type { Data } from "./with-data.ts";

interface PurgeOptions {
  team?: string;
  hash?: string;
  scope?: string;
  olderThan?: number;
  writtenBy?: string;
  writtenAfter?: number;
  writtenBefore?: number;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `larder purge` */
export function purgeCommand(context: CommandContext): Command {
  const pastTime = flagValue(pastTimeValue(), context);
  const command = dataSubcommand(
    "purge",
    "Take artifacts of a team out, or all that somebody wrote",
    "larder purge --team web --older-than 30d\n  larder purge --written-by tok_0123456789abcdef --dry-run",
  )
    .option("--team <slug>", "Slug or id of the team; all teams' go without it, given --written-by")
    .option("--hash <hash>", "Only the artifact with this hash")
    .option(
      "--scope <scope>",
      'Only those of this scope, such as pr-123, or "" for trusted ones',
      checkedText(checkScope),
    )
    .option(
      "--older-than <time>",
      "Only those that were not used for so long, such as 30d",
      flagValue(timeValue({ minMs: 0 }), context),
    )
    .option(
      "--written-by <writer>",
      "Only those that this token wrote: its id, secret or, with --team, name; or all tokens of a user (e-mail) or a policy (id); or TURBO_TOKEN",
    )
    .option(
      "--written-after <time>",
      "Only those written since then: 2h (ago), or 2026-11-20T10:00Z",
      pastTime,
    )
    .option("--written-before <time>", "Only those written before then", pastTime)
    .option("--dry-run", "Only say what would go")
    .option("--yes", "Really purge all, where nothing narrows it")
    .action(async (options: PurgeOptions) => {
      requireNarrowed(options);
      if (options.dryRun) await withCacheShown(context, command, (data) => showPurge(context, data, options));
      else await withCache(context, command, (data) => purgeAsked(context, data, options));
    });
  return command;
}

async function showPurge(context: CommandContext, data: CacheData, options: PurgeOptions): Promise<void> {
  const { filter, of } = await filterOf(options, data);
  const totals = await countPurge(data.database, filter);
  context.stdout(
    options.json
      ? jsonText({ dryRun: true, ...totals })
      : `Would purge ${counted(totals.artifacts, "artifact")} of ${of}, and free ${roundSize(totals.freed.sizeBytes)}.\n`,
  );
  if (totals.artifacts === 0) await sayWhatIsUnknown(context, data, filter);
}

async function purgeAsked(context: CommandContext, data: CacheData, options: PurgeOptions): Promise<void> {
  const { filter, of } = await filterOf(options, data);
  const { artifacts, freed } = await purged(data, filter);
  context.stdout(
    options.json
      ? jsonText({ artifacts, freed })
      : `Purged ${counted(artifacts, "artifact")} of ${of}; freed ${roundSize(freed.sizeBytes)}.\n`,
  );
  if (artifacts === 0) await sayWhatIsUnknown(context, data, filter);
}

/** A mistyped hash or scope shall not look as if there had been nothing bad. */
async function sayWhatIsUnknown(context: CommandContext, data: Data, filter: PurgeFilter): Promise<void> {
  const { teamId, writtenBy, hash, scope } = filter;
  const whose = teamId === undefined ? { writtenBy: writtenBy as Writers } : { teamId };
  const none = teamId === undefined ? "None of that writer's artifacts" : "No artifact of the team";
  const isThere = async (key: { hash: string } | { scope: string }) =>
    (await countPurge(data.database, { ...whose, ...key })).artifacts > 0;
  if (hash !== undefined && !(await isThere({ hash }))) context.stderr(`${none} has this hash.\n`);
  if (scope !== undefined && !(await isThere({ scope })))
    context.stderr(`${none} is ${scope === "" ? "trusted" : "in this scope"}.\n`);
}

/** Takes artifacts out, and waits until their bytes have gone, too. */
export async function purged(data: CacheData, filter: PurgeFilter): Promise<PurgeTotals> {
  const artifacts = await data.cache.purge(filter, data.by);
  return { artifacts, freed: await collectedFrom(data) };
}

/** Nobody shall lose all for a flag that was forgotten. */
function requireNarrowed({ team, yes, dryRun, ...options }: PurgeOptions): void {
  const { hash, scope, olderThan, writtenBy, writtenAfter, writtenBefore } = options;
  if (team === undefined && writtenBy === undefined) {
    throw new Refusal(
      "bad_request",
      "Whose artifacts? Name a team with --team, or who wrote them with --written-by.",
    );
  }
  if (writtenAfter !== undefined && writtenBefore !== undefined && writtenAfter >= writtenBefore) {
    throw new Refusal(
      "bad_request",
      `--written-after is ${isoTime(writtenAfter)}, which is not before --written-before, ${isoTime(writtenBefore)}. ` +
        "Change one of them.",
    );
  }
  // Nothing was used less than no time ago.
  const narrowing = [hash, scope, olderThan || undefined, writtenBy, writtenAfter, writtenBefore];
  if (yes || dryRun || narrowing.some((value) => value !== undefined)) return;
  throw new Refusal(
    "bad_request",
    "This would purge all artifacts of the team. Add --yes, or narrow it with --hash, --scope, --older-than, " +
      "--written-by, --written-after or --written-before; --dry-run only says what would go.",
  );
}

/** With `of`, which says in words whose artifacts they are. */
async function filterOf(options: PurgeOptions, data: Data): Promise<{ filter: PurgeFilter; of: string }> {
  const { hash, scope, olderThan, writtenBy, writtenAfter, writtenBefore } = options;
  const usedBefore = olderThan === undefined ? undefined : Date.now() - olderThan;
  const team = options.team === undefined ? undefined : await data.teams.get(options.team);
  const wish = { team, writtenBy, hash, scope, usedBefore, writtenAfter, writtenBefore };
  return { filter: await purgeFilter(wish, data), of: team ? `team ${team.slug}` : "all teams" };
}
