import { Command, Option } from "commander";
import { isoTime } from "../admin/iso-time.ts";
import { tokenJson } from "../admin/token-json.ts";
import { artifactsByWriter, artifactsWrittenBy } from "../cache/totals.ts";
import { timeValue } from "../config/value-kinds.ts";
import { checkName } from "../identity/names.ts";
import { checkScope } from "../identity/scope.ts";
import { readTokenReach, readTokenReaches, type TokenReach } from "../identity/token-reach.ts";
import { examineSecret } from "../identity/token-report.ts";
import { type TokenState, tokenState, tokenStates } from "../identity/token-state.ts";
import { type Permission, permissions, type Token } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";
import { roundSize } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { givenToken } from "./given-token.ts";
import { jsonText } from "./json-text.ts";
import { purged } from "./purge.ts";
import { textTable } from "./text-table.ts";
import { permissionText, scopeText, tokenTable } from "./token-table.ts";
import { withCache } from "./with-cache.ts";
import { type Data, withData, withNewData } from "./with-data.ts";

/** `larder token …` */
export function tokenCommand(context: CommandContext): Command {
  return new Command("token")
    .description("Create, list, show, test and revoke tokens")
    .addHelpText("after", "\nExample:\n  larder token create --team default --permission write --name ci")
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(testCommand(context))
    .addCommand(revokeCommand(context));
}

interface CreateOptions {
  team: string;
  permission: Permission;
  name: string;
  scope?: string;
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
      "--scope <scope>",
      "Scope of untrusted work, such as pr-1: it reads its own and the trusted artifacts, and writes its own",
      checkedText(checkNamedScope),
    )
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
          ...(options.scope !== undefined && { scope: options.scope }),
          ...(options.expires !== undefined && { expiresAt: Date.now() + options.expires }),
        });
        if (options.json) {
          context.stdout(jsonText({ token: secret, ...tokenJson(token), artifacts: 0 }));
          return;
        }
        // The secret stands alone on standard output, so that scripts can take it.
        context.stdout(`${secret}\n`);
        context.stderr(`${describeToken(token)} Keep the secret: it is not shown again.\n`);
      }),
    );
  return command;
}

/** Nobody shall get a trusted token for a variable that was not set. @throws Refusal `bad_request`. */
function checkNamedScope(scope: string): void {
  if (scope === "") throw new Refusal("bad_request", "--scope is empty. Leave it out for a trusted token.");
  checkScope(scope);
}

function listCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "list",
    "List tokens, without their secrets",
    "larder token list --team default --state valid",
  )
    .option("--team <slug>", "Only those that act in this team, its people's too, by slug or id")
    .addOption(new Option("--state <state>", "Only those in this state").choices(tokenStates))
    .action((options: { team?: string; state?: TokenState; json?: true }) =>
      withData(context, command, async ({ database, teams, tokens }) => {
        const team = options.team === undefined ? undefined : await teams.get(options.team);
        const reachOf = await readTokenReaches(database);
        const counts = await artifactsByWriter(database);
        const found = (await tokens.list())
          .map((token) => ({ token, reach: reachOf(token), artifacts: counts.get(token.id) ?? 0 }))
          .filter(({ reach }) => !team || reach.teams.some(({ teamId }) => teamId === team.id))
          .filter(({ token }) => !options.state || tokenState(token) === options.state);
        context.stdout(
          options.json
            ? jsonText(found.map(({ token, reach, artifacts }) => listedJson(token, reach, artifacts)))
            : tokenTable(found, team?.id),
        );
      }),
    );
  return command;
}

function showCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "show",
    "Show a token, what it has written, and what a CI job proved to get it",
    "larder token show tok_4fQz7Lk2mXw9RtAb\n  larder token show ci --team default",
  )
    .argument("<id>", "Id of the token, its secret, or with --team its name")
    .option("--team <slug>", "Team of the token, by slug or id")
    .action((id: string, options: { team?: string; json?: true }) =>
      withData(context, command, async ({ database, teams, tokens }) => {
        const team = options.team === undefined ? undefined : await teams.get(options.team);
        const token = await tokens.find(id, team?.id);
        const artifacts = await artifactsWrittenBy(database, token.id);
        const reach = await readTokenReach(database, token);
        context.stdout(
          options.json ? jsonText(listedJson(token, reach, artifacts)) : factsOf(token, reach, artifacts),
        );
      }),
    );
  return command;
}

function factsOf(token: Token, reach: TokenReach, artifacts: number): string {
  return textTable([
    ["Id", token.id],
    ["Name", token.name],
    ["Holder", holderOf(token)],
    ["Permission", permissionText(token, reach)],
    ["Scope", scopeText(token)],
    ["State", tokenState(token)],
    ["Created", isoTime(token.createdAt)],
    ["Created by", token.createdBy ?? "unknown"],
    ["Expires", isoTime(token.expiresAt) ?? "never"],
    ["Revoked", isoTime(token.revokedAt) ?? "no"],
    ["Last used", isoTime(token.lastUsedAt) ?? "never"],
    ["Artifacts", String(artifacts)],
    ["Policy", token.policyId ?? "none"],
    ...Object.entries(token.claims ?? {}).map(([claim, value]) => [
      `Claim ${claim}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ]);
}

interface TestOptions {
  tokenEnv?: string;
  json?: true;
}

function testCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "test",
    "Tell whose secret it is, and whether it counts; it is not kept, and this is no use of the token",
    "larder token test --token-env TURBO_TOKEN\n  larder token test - < token.txt",
  )
    .argument("[secret]", "The token's secret, or - for standard input")
    .option("--token-env <variable>", "Variable in the environment that holds the secret")
    .action(async (given: string | undefined, options: TestOptions) => {
      const secret = await givenToken(context, given, options.tokenEnv);
      await withData(context, command, async ({ database, ...services }) => {
        const { found, problem } = await examineSecret(secret, services, database, () => true);
        const artifacts = found ? await artifactsWrittenBy(database, found.token.id) : 0;
        if (options.json) {
          const token = found ? listedJson(found.token, found.reach, artifacts) : null;
          context.stdout(jsonText({ problem: problem ?? null, token }));
        } else if (found) context.stdout(factsOf(found.token, found.reach, artifacts));
        if (problem !== undefined) throw new Refusal("forbidden", problem);
      });
    });
  return command;
}

interface RevokeOptions {
  team?: string;
  purge?: true;
  json?: true;
}

function revokeCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "revoke",
    "Revoke a token at once",
    "larder token revoke tok_4fQz7Lk2mXw9RtAb --purge\n  larder token revoke ci --team default",
  )
    .argument("<id>", "Id of the token, its secret, or with --team its name")
    .option("--team <slug>", "Team of the token, by slug or id")
    .option("--purge", "Also take out all that it wrote, in every team")
    .action(async (id: string, options: RevokeOptions) => {
      if (options.purge) {
        await withCache(context, command, async (data) => {
          const { token, wasRevoked } = await revoked(id, options, data);
          // Nothing comes after: an upload under way asks again before it is kept.
          const { artifacts, freed } = await purged(data, { writtenBy: [token.id] });
          context.stdout(
            options.json
              ? jsonText({ ...tokenJson(token), artifacts: 0, purged: { artifacts, freed } })
              : `${describeRevoked(token, wasRevoked)}Purged ${counted(artifacts, "artifact")}; freed ${roundSize(freed.sizeBytes)}.\n`,
          );
        });
      } else {
        await withData(context, command, async (data) => {
          const { token, wasRevoked } = await revoked(id, options, data);
          const artifacts = await artifactsWrittenBy(data.database, token.id);
          context.stdout(
            options.json ? jsonText({ ...tokenJson(token), artifacts }) : describeRevoked(token, wasRevoked),
          );
          if (artifacts > 0) {
            const rest = artifacts === 1 ? "An artifact" : `${artifacts} artifacts`;
            context.stderr(
              `${rest} that it wrote stay. \`larder purge --written-by ${token.id}\` takes them out.\n`,
            );
          }
        });
      }
    });
  return command;
}

async function revoked(
  id: string,
  options: RevokeOptions,
  { teams, tokens }: Data,
): Promise<{ token: Token; wasRevoked: boolean }> {
  const teamId = options.team === undefined ? undefined : (await teams.get(options.team)).id;
  const startedAt = Date.now();
  const token = await tokens.revoke(id, teamId);
  return { token, wasRevoked: token.revokedAt !== null && token.revokedAt < startedAt };
}

function describeRevoked(token: Token, wasRevoked: boolean): string {
  if (wasRevoked) {
    const at = isoTime(token.revokedAt);
    return `Token "${token.name}" (${token.id}) of ${holderOf(token)} was revoked already, at ${at}.\n`;
  }
  return `Revoked token "${token.name}" (${token.id}) of ${holderOf(token)}.\n`;
}

function describeToken(token: Token): string {
  const scope = token.scope === "" ? "" : `, scope ${token.scope}`;
  const until = token.expiresAt === null ? "" : `${scope && ","} until ${isoTime(token.expiresAt)}`;
  return `Token "${token.name}" (${token.id}) has permission ${token.permission} in ${holderOf(token)}${scope}${until}.`;
}

function holderOf({ teamSlug, userEmail }: Token): string {
  return teamSlug === null ? `the teams of ${userEmail}` : `team ${teamSlug}`;
}

/** With what it may do, as of now. */
function listedJson(token: Token, { teams }: TokenReach, artifacts: number) {
  return {
    ...tokenJson(token),
    artifacts,
    teams: teams.map(({ teamId, slug, permission }) => ({ team: slug, teamId, permission })),
  };
}
