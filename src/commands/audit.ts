import type { Command } from "commander";
import { auditJson } from "../admin/audit-json.ts";
import { isoTime } from "../admin/iso-time.ts";
import { type AuditFilter, AuditLog, type AuditRow } from "../audit/audit-log.ts";
import { pastTimeValue } from "../config/past-time.ts";
import { integerValue } from "../config/value-kinds.ts";
import { auditFilter } from "../identity/audit-filter.ts";
import type { Teams } from "../identity/teams.ts";
import { Refusal } from "../refusal.ts";
import { checkAuditKind } from "./audit-kind.ts";
import type { CommandContext } from "./command-context.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { printable, printableCell } from "./printable.ts";
import { textTable } from "./text-table.ts";
import { withData } from "./with-data.ts";

interface AuditOptions {
  since?: number;
  until?: number;
  actor?: string;
  kind?: string;
  team?: string;
  target?: string;
  limit: number;
  json?: true;
}

const defaultLimit = 100;
const maxLimit = 100_000;
const pageSize = 1_000;

/** `larder audit` */
export function auditCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "audit",
    "Show who did what, newest first",
    "larder audit --since 7d --kind token\n  larder audit --actor ann@example.org --team web",
  )
    .option("--since <time>", "From then on: 7d (ago), or 2026-11-20", flagValue(pastTimeValue(), context))
    .option("--until <time>", "Before then", flagValue(pastTimeValue(), context))
    .option(
      "--actor <actor>",
      "Only what a user did (e-mail or id), with all the user's tokens; or a token (id, or a name without an @); or a kind of actor, such as command",
    )
    .option(
      "--kind <kind>",
      "Only what is of this kind: token.revoke, or token for all of them",
      checkedText(checkAuditKind),
    )
    .option("--team <slug>", "Only what concerns this team, by slug or id")
    .option("--target <target>", "Only what was done to this: an id, an e-mail, a slug or a hash")
    .option(
      "--limit <number>",
      "How many to show at most",
      flagValue(integerValue({ min: 1, max: maxLimit }), context),
      defaultLimit,
    )
    .action(async (options: AuditOptions) => {
      checkSpan(options);
      await withData(context, command, async ({ database, teams }) => {
        const filter = await auditFilter(options, database, teams);
        const log = new AuditLog(database);
        const { rows, isMore } = await newest(log, filter, options.limit);
        context.stdout(
          options.json ? printable(jsonText(rows.map(auditJson))) : await auditTable(rows, teams),
        );
        if (isMore) context.stderr(`These are the newest ${rows.length}. --limit shows more.\n`);
        if (rows.length === 0) context.stderr(`${await whyNothing(log, filter, options)}\n`);
      });
    });
  return command;
}

/** @throws Refusal `bad_request` when there is no time between the two. */
function checkSpan({ since, until }: AuditOptions): void {
  if (since === undefined || until === undefined || since < until) return;
  throw new Refusal(
    "bad_request",
    `--since is ${isoTime(since)}, which is not before --until, ${isoTime(until)}. Change one of them.`,
  );
}

/** A mistyped name shall not look as if nothing had been done. */
async function whyNothing(log: AuditLog, filter: AuditFilter, options: AuditOptions): Promise<string> {
  const { actors, actorIds = [], target } = filter;
  const occurs = async (one: AuditFilter) => (await log.list(one, { limit: 1 })).items.length > 0;
  if (actors !== undefined && !(await occurs({ actors, actorIds }))) {
    return `Nobody called ${printableCell(`"${options.actor}"`)} is in the audit log.`;
  }
  if (target !== undefined && !(await occurs({ target })))
    return `Nothing in the audit log was done to ${printableCell(`"${target}"`)}.`;
  return "Nothing in the audit log matches.";
}

async function newest(
  log: AuditLog,
  filter: AuditFilter,
  limit: number,
): Promise<{ rows: AuditRow[]; isMore: boolean }> {
  const rows: AuditRow[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await log.list(filter, {
      limit: Math.min(pageSize, limit - rows.length),
      cursor,
    });
    rows.push(...items);
    if (nextCursor === null || rows.length >= limit) return { rows, isMore: nextCursor !== null };
    cursor = nextCursor;
  }
}

async function auditTable(rows: readonly AuditRow[], teams: Teams): Promise<string> {
  const slugs = new Map((await teams.list()).map(({ id, slug }) => [id, slug]));
  return textTable([
    ["TIME", "ACTOR", "ADDRESS", "KIND", "TEAM", "TARGET", "DETAILS"],
    ...rows.map((row) =>
      [
        isoTime(row.createdAt),
        whoOf(row),
        row.address ?? "-",
        row.kind,
        row.teamId === null ? "-" : (slugs.get(row.teamId) ?? row.teamId),
        row.target ?? "-",
        detailsText(row.details ?? {}),
      ].map(printableCell),
    ),
  ]);
}

function whoOf({ actorKind, actorId, actorName }: AuditRow): string {
  if (actorKind === "user") return actorName;
  return `${actorKind} ${actorName}${actorId === null ? "" : ` (${actorId})`}`;
}

function detailsText(details: Record<string, unknown>): string {
  // In a change, empty is what something has become.
  const isChange = "before" in details;
  return Object.entries(details)
    .filter(([, value]) => isChange || (value !== null && value !== ""))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
