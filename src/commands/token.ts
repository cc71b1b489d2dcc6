import { Command, Option } from "commander";
import { timeValue } from "../config/value-kinds.ts";
import { checkName } from "../identity/names.ts";
import { type Permission, permissions, type Token } from "../identity/tokens.ts";
import type { CommandContext } from "./command-context.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { isoTime } from "./iso-time.ts";
import { jsonText } from "./json-text.ts";
import { textTable } from "./text-table.ts";
import { tokenState } from "./token-state.ts";
import { withData, withNewData } from "./with-data.ts";

/** `larder token …` */
export function tokenCommand(context: CommandContext): Command {
  return new Command("token")
    .description("Create, list and revoke tokens")
    .addHelpText("after", "\nExample:\n  larder token create --team default --permission write --name ci")
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context));
}

interface CreateOptions {
  team: string;
  permission: Permission;
  name: string;
  expires?: number;
  json?: true;
}

function createCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "create",
    "Create a token and print its secret, which is not shown again",
    "larder token create --team default --permission write --name ci --expires 90d",
  )
    .requiredOption("--team <slug>", "Team that the token acts for, by slug or id")
    .addOption(
      new Option("--permission <permission>", "What it may do").choices(permissions).makeOptionMandatory(),
    )
    .requiredOption("--name <name>", "Name to know it by", checkedText(checkName))
    .option(
      "--expires <time>",
      "How long it is valid, such as 90d or 12h (default: no end)",
      flagValue(timeValue({ minMs: 1 }), context),
    )
    .action((options: CreateOptions) =>
      withNewData(context, command, async ({ teams, tokens }) => {
        const team = await teams.get(options.team);
        const { secret, ...token } = await tokens.create({
          teamId: team.id,
          name: options.name,
          permission: options.permission,
          ...(options.expires !== undefined && { expiresAt: Date.now() + options.expires }),
        });
        if (options.json) {
          context.stdout(jsonText({ token: secret, ...tokenJson(token) }));
          return;
        }
        // The secret stands alone on standard output, so that scripts can take it.
        context.stdout(`${secret}\n`);
        context.stderr(`${describeToken(token)} Keep the secret: it is not shown again.\n`);
      }),
    );
  return command;
}

function listCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "list",
    "List tokens, without their secrets",
    "larder token list --team default",
  )
    .option("--team <slug>", "Only those of this team, by slug or id")
    .action((options: { team?: string; json?: true }) =>
      withData(context, command, async ({ teams, tokens }) => {
        const filter = options.team === undefined ? {} : { teamId: (await teams.get(options.team)).id };
        const found = await tokens.list(filter);
        context.stdout(options.json ? jsonText(found.map(tokenJson)) : tokenTable(found));
      }),
    );
  return command;
}

function revokeCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "revoke",
    "Revoke a token at once",
    "larder token revoke tok_4fQz7Lk2mXw9RtAb\n  larder token revoke ci --team default",
  )
    .argument("<id>", "Id of the token, its secret, or with --team its name")
    .option("--team <slug>", "Team of the token, by slug or id")
    .action((id: string, options: { team?: string; json?: true }) =>
      withData(context, command, async ({ teams, tokens }) => {
        const teamId = options.team === undefined ? undefined : (await teams.get(options.team)).id;
        const token = await tokens.revoke(id, teamId);
        context.stdout(
          options.json
            ? jsonText(tokenJson(token))
            : `Revoked token "${token.name}" (${token.id}) of ${holderOf(token)}.\n`,
        );
      }),
    );
  return command;
}

function describeToken(token: Token): string {
  const until = token.expiresAt === null ? "" : ` until ${isoTime(token.expiresAt)}`;
  return `Token "${token.name}" (${token.id}) has permission ${token.permission} in ${holderOf(token)}${until}.`;
}

function holderOf({ teamSlug, userEmail }: Token): string {
  return teamSlug === null ? `the teams of ${userEmail}` : `team ${teamSlug}`;
}

function tokenTable(tokens: Token[]): string {
  return textTable([
    ["ID", "NAME", "TEAM", "PERMISSION", "STATE", "CREATED", "EXPIRES"],
    ...tokens.map((token) => [
      token.id,
      token.name,
      token.teamSlug ?? `${token.userEmail}'s`,
      token.permission,
      tokenState(token),
      isoTime(token.createdAt),
      isoTime(token.expiresAt) ?? "never",
    ]),
  ]);
}

function tokenJson(token: Token): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    team: token.teamSlug,
    teamId: token.teamId,
    permission: token.permission,
    createdAt: isoTime(token.createdAt),
    expiresAt: isoTime(token.expiresAt),
    revokedAt: isoTime(token.revokedAt),
  };
}
