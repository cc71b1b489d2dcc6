import { Command, Option } from "commander";
import { isoTime } from "../admin/iso-time.ts";
import { teamJson } from "../admin/team-json.ts";
import { takeOutTeam } from "../cache/books.ts";
import { teamTotals } from "../cache/totals.ts";
import { orWord, sizeValue, timeValue } from "../config/value-kinds.ts";
import { checkName } from "../identity/names.ts";
import {
  checkSlug,
  type OverwriteRule,
  overwriteRules,
  type QuotaRule,
  quotaRules,
  type Team,
  type TeamChange,
  type TeamState,
  teamStates,
} from "../identity/teams.ts";
import { tokenState } from "../identity/token-state.ts";
import { Refusal } from "../refusal.ts";
import { formatSize, formatTime, roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";
import { textTable } from "./text-table.ts";
import { type Data, withData, withNewData } from "./with-data.ts";

/** `larder team …` */
export function teamCommand(context: CommandContext): Command {
  return new Command("team")
    .description("Create, list, show, change and delete teams")
    .addHelpText("after", "\nExample:\n  larder team create web\n  larder team set web --state paused")
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(setCommand(context))
    .addCommand(deleteCommand(context));
}

function createCommand(context: CommandContext): Command {
  const command = dataSubcommand("create", "Create a team", 'larder team create web --name "Web team"')
    .argument("<slug>", "Name of the team in URLs, such as web", checkedText(checkSlug))
    .option("--name <name>", "Name of the team for people (default: the slug)", checkedText(checkName))
    .addOption(overwriteOption())
    .action((slug: string, options: { name?: string; overwrite?: OverwriteRule; json?: true }) =>
      withNewData(context, command, async ({ teams }) => {
        const { name, overwrite } = options;
        const team = await teams.create({
          slug,
          ...(name !== undefined && { name }),
          ...(overwrite !== undefined && { overwrite }),
        });
        context.stdout(options.json ? jsonText(teamJson(team)) : `Created team ${team.slug} (${team.id}).\n`);
      }),
    );
  return command;
}

function listCommand(context: CommandContext): Command {
  const command = dataSubcommand("list", "List all teams", "larder team list --json").action(
    (options: { json?: true }) =>
      withData(context, command, async ({ teams }) => {
        const all = await teams.list();
        context.stdout(options.json ? jsonText(all.map(teamJson)) : teamTable(all));
      }),
  );
  return command;
}

function showCommand(context: CommandContext): Command {
  const command = dataSubcommand("show", "Show a team and what it has stored", "larder team show web")
    .argument("<slug>", "Slug or id of the team")
    .action((slug: string, options: { json?: true }) =>
      withData(context, command, async (data) => {
        const team = await data.teams.get(slug);
        const holdings = await holdingsOf(data, team);
        context.stdout(
          options.json
            ? jsonText({ ...teamJson(team), ...holdings })
            : textTable([
                ["Slug", team.slug],
                ["Id", team.id],
                ["Name", team.name],
                ["State", team.state],
                ["Overwrite", team.overwrite],
                ["Require tag", onOff(team.requireTag)],
                ["Anonymous read", onOff(team.anonymousRead)],
                ["Quota", quotaText(team)],
                ["Max age", maxAgeText(team)],
                ["Used", roundSize(team.usedBytes)],
                ["Created", isoTime(team.createdAt)],
                ["Artifacts", `${holdings.artifacts} (${roundSize(holdings.sizeBytes)})`],
                ["Valid tokens", String(holdings.validTokens)],
              ]),
        );
      }),
    );
  return command;
}

function setCommand(context: CommandContext): Command {
  const command = dataSubcommand("set", "Change a team", "larder team set web --overwrite never")
    .argument("<slug>", "Slug or id of the team")
    .option("--name <name>", "New name", checkedText(checkName))
    .option("--slug <slug>", "New slug", checkedText(checkSlug))
    .addOption(new Option("--state <state>", "Whether the team may use the cache").choices(teamStates))
    .addOption(overwriteOption())
    .addOption(
      new Option("--require-tag <switch>", "Whether uploads without a signature are refused").choices(
        switches,
      ),
    )
    .addOption(
      new Option(
        "--anonymous-read <switch>",
        "Whether anybody may read its trusted artifacts without a token",
      ).choices(switches),
    )
    .option(
      "--quota <size>",
      "How much the team may use, such as 20GiB, or none",
      flagValue(orWord(sizeValue({ minBytes: 1 }), "none"), context),
    )
    .addOption(
      new Option(
        "--quota-rule <rule>",
        "Whether its oldest artifacts go at the quota, or uploads are refused",
      ).choices(quotaRules),
    )
    .option(
      "--max-age <time>",
      "How long unused artifacts stay, such as 30d, or none for the server's setting",
      flagValue(orWord(timeValue({ minMs: 1 }), "none"), context),
    )
    .action(async (slug: string, options: SetOptions) => {
      const change = changeOf(options);
      if (Object.keys(change).length === 0) {
        throw new Refusal("bad_request", "Nothing to change. `larder team set --help` lists what can be.");
      }
      await withData(context, command, async ({ teams }) => {
        const team = await teams.set(slug, change);
        context.stdout(
          options.json ? jsonText(teamJson(team)) : `Changed team ${team.slug}.\n${teamTable([team])}`,
        );
      });
    });
  return command;
}

const switches = ["on", "off"] as const;
type Switch = (typeof switches)[number];

interface SetOptions {
  name?: string;
  slug?: string;
  state?: TeamState;
  overwrite?: OverwriteRule;
  requireTag?: Switch;
  anonymousRead?: Switch;
  quota?: number | "none";
  quotaRule?: QuotaRule;
  maxAge?: number | "none";
  json?: true;
}

function changeOf(options: SetOptions): TeamChange {
  const { name, slug, state, overwrite, requireTag, anonymousRead, quota, quotaRule, maxAge } = options;
  return {
    ...(name !== undefined && { name }),
    ...(slug !== undefined && { slug }),
    ...(state !== undefined && { state }),
    ...(overwrite !== undefined && { overwrite }),
    ...(requireTag !== undefined && { requireTag: requireTag === "on" }),
    ...(anonymousRead !== undefined && { anonymousRead: anonymousRead === "on" }),
    ...(quota !== undefined && { quotaBytes: quota === "none" ? null : quota }),
    ...(quotaRule !== undefined && { quotaRule }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge === "none" ? null : maxAge }),
  };
}

function deleteCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "delete",
    "Delete a team with its artifacts, tokens and figures",
    "larder team delete web --yes",
  )
    .argument("<slug>", "Slug or id of the team")
    .option("--yes", "Really delete it")
    .action((slug: string, options: { yes?: true; json?: true }) =>
      withData(context, command, async (data) => {
        const team = await data.teams.get(slug);
        const what = describeHoldings(await holdingsOf(data, team));
        if (!options.yes) {
          throw new Refusal(
            "bad_request",
            `This would delete team ${team.slug} (${team.id}) with ${what} and all its runs and figures. ` +
              "Nothing was deleted. Add --yes to delete it.",
          );
        }
        await data.teams.delete(team.id, takeOutTeam);
        context.stdout(
          options.json ? jsonText(teamJson(team)) : `Deleted team ${team.slug} (${team.id}) with ${what}.\n`,
        );
      }),
    );
  return command;
}

function overwriteOption(): Option {
  return new Option("--overwrite <rule>", "Whether an upload may replace an artifact by other bytes").choices(
    overwriteRules,
  );
}

interface Holdings {
  artifacts: number;
  sizeBytes: number;
  validTokens: number;
}

async function holdingsOf({ database, tokens }: Data, team: Team): Promise<Holdings> {
  const totals = await teamTotals(database, team.id);
  const ofTeam = await tokens.list({ teamId: team.id });
  return { ...totals, validTokens: ofTeam.filter((token) => tokenState(token) === "valid").length };
}

function describeHoldings(holdings: Holdings): string {
  const { artifacts, sizeBytes, validTokens } = holdings;
  return `${counted(artifacts, "artifact")} (${roundSize(sizeBytes)}), ${counted(validTokens, "valid token")}`;
}

function teamTable(teams: Team[]): string {
  return textTable([
    [
      "SLUG",
      "NAME",
      "STATE",
      "OVERWRITE",
      "REQUIRE TAG",
      "ANONYMOUS READ",
      "QUOTA",
      "MAX AGE",
      "CREATED",
      "ID",
    ],
    ...teams.map((team) => [
      team.slug,
      team.name,
      team.state,
      team.overwrite,
      onOff(team.requireTag),
      onOff(team.anonymousRead),
      quotaText(team),
      maxAgeText(team),
      isoTime(team.createdAt),
      team.id,
    ]),
  ]);
}

function onOff(value: boolean): Switch {
  return value ? "on" : "off";
}

/** With what happens at the quota. */
function quotaText({ quotaBytes, quotaRule }: Team): string {
  return quotaBytes === null ? "none" : `${formatSize(quotaBytes)} (${quotaRule})`;
}

function maxAgeText({ maxAgeMs }: Team): string {
  return maxAgeMs === null ? "the server's" : formatTime(maxAgeMs);
}
