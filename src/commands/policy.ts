import { Command, Option } from "commander";
import { policyJson, reportJson } from "../admin/policy-json.ts";
import { timeValue } from "../config/value-kinds.ts";
import { ciProviders } from "../identity/ci-providers.ts";
import { readUnverified } from "../identity/id-token.ts";
import { checkIssuer } from "../identity/issuer-url.ts";
import { Issuers } from "../identity/issuers.ts";
import { checkName } from "../identity/names.ts";
import { defaultTokenMaxAgeMs, longestTokenMaxAgeMs, type Policy } from "../identity/policies.ts";
import { examineToken, type PolicyReport } from "../identity/policy-report.ts";
import { sharedScopeWarnings } from "../identity/scope-overlap.ts";
import { type PolicyWish, wantedPolicies } from "../identity/wanted-policies.ts";
import { Refusal } from "../refusal.ts";
import { clientUrls } from "../server/client-urls.ts";
import { formatTime } from "../units.ts";
import type { CommandContext } from "./command-context.ts";
import { ciLinesText, guessText } from "./connect.ts";
import { counted } from "./counted.ts";
import { dataSubcommand } from "./data-subcommand.ts";
import { checkedText, flagValue } from "./flag-value.ts";
import { givenToken } from "./given-token.ts";
import { jsonText } from "./json-text.ts";
import { printableCell } from "./printable.ts";
import { textTable } from "./text-table.ts";
import { withData, withNewData } from "./with-data.ts";

/** `larder policy …` */
export function policyCommand(context: CommandContext): Command {
  return new Command("policy")
    .description("Say which CI jobs get a token without any secret")
    .addHelpText(
      "after",
      "\nExample:\n  larder policy create --team web --provider github --repository acme/web\n  larder policy list",
    )
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(deleteCommand(context))
    .addCommand(testCommand(context));
}

interface CreateOptions extends Omit<PolicyWish, "claims" | "tokenMaxAgeMs"> {
  team: string;
  claim?: string[];
  expires?: number;
  json?: true;
}

function createCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "create",
    "Trust the jobs of a repository, or of any issuer",
    "larder policy create --team web --provider github --repository acme/web\n" +
      "  larder policy create --team web --issuer https://ci.example.com --claim project=web \\\n" +
      '    --claim "ref=refs/heads/{branch**}" --scope "branch-{project}-{branch}"',
  )
    .requiredOption("--team <slug>", "Team that the jobs act for, by slug or id")
    .addOption(
      new Option(
        "--provider <name>",
        "Make the policies that fit: one for trusted jobs, one for pull requests",
      ).choices(ciProviders),
    )
    .option("--repository <path>", "Of the jobs, such as acme/web (CircleCI: github.com/acme/web)")
    .option("--organization <name>", "Of the jobs (Buildkite: its slug, CircleCI: its id)")
    .option("--pipeline <slug>", "Of the jobs (Buildkite)")
    .option("--branch <name>", "Branch whose pushes are trusted, such as main or release/* (default: main)")
    .addOption(
      new Option("--only <which>", "Make one of the two policies only").choices(["trusted", "pull-requests"]),
    )
    .option("--issuer <url>", "Who signs the jobs' tokens, to the letter", checkedText(checkIssuer))
    .option(
      "--audience <text>",
      "For whom the jobs' tokens have to be (default: publicUrl if set, else larder)",
    )
    .option(
      "--claim <name=pattern>",
      "What a job's token has to say; may be given several times",
      (text: string, before: string[] = []) => [...before, text],
    )
    .option("--scope <template>", "Keep what the jobs write apart, such as pr-{repository}-{number}")
    .option("--trusted", "Let everybody of the team read what the jobs write")
    .option("--name <name>", "Name of the policy for people", checkedText(checkName))
    .addOption(
      new Option("--permission <permission>", "What the jobs may do (default: write)").choices([
        "read",
        "write",
      ]),
    )
    .option(
      "--expires <time>",
      `How long a job's token counts (default: ${formatTime(defaultTokenMaxAgeMs)})`,
      flagValue(timeValue({ minMs: 1_000, maxMs: longestTokenMaxAgeMs }), context),
    )
    .action(async (options: CreateOptions) => {
      const { claim, expires, ...wish } = options;
      const wanted = wantedPolicies({
        ...wish,
        claims: claimsOf(claim),
        ...(expires !== undefined && { tokenMaxAgeMs: expires }),
      });
      await withNewData(context, command, async ({ teams, policies, config }) => {
        const { id: teamId } = await teams.get(options.team);
        const audience = config.publicUrl ?? "larder";
        const created = await policies.create(...wanted.map((policy) => ({ audience, ...policy, teamId })));
        const ofTeam = await policies.list({ teamId });
        for (const warning of sharedScopeWarnings(created, ofTeam)) context.stderr(`larder: ${warning}\n`);
        if (options.json) {
          context.stdout(jsonText(created.map(policyJson)));
          return;
        }
        for (const policy of created) context.stdout(describePolicy(policy));
        context.stdout(`Jobs ask for their tokens with the audience ${created[0]?.audience}.\n`);
        const { isGuess, ...urls } = clientUrls(config);
        context.stdout(`\n${ciLinesText(created, urls)}`);
        if (isGuess) context.stderr(guessText(config.data, "set publicUrl"));
      });
    });
  return command;
}

function claimsOf(given: readonly string[] = []): Record<string, string> {
  const entries = given.map((text) => {
    const at = text.indexOf("=");
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    throw new Refusal(
      "bad_request",
      "--claim takes the name of a claim and a pattern, such as ref=refs/heads/main.",
    );
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length)
    throw new Refusal(
      "bad_request",
      "Two patterns for one claim go into one --claim, such as event=push|schedule.",
    );
  return Object.fromEntries(entries);
}

function listCommand(context: CommandContext): Command {
  const command = dataSubcommand("list", "List policies, oldest first", "larder policy list --team web")
    .option("--team <slug>", "Only those of this team, by slug or id")
    .action((options: { team?: string; json?: true }) =>
      withData(context, command, async ({ teams, policies }) => {
        const teamId = options.team === undefined ? undefined : (await teams.get(options.team)).id;
        const listed = await policies.list(teamId === undefined ? {} : { teamId });
        context.stdout(options.json ? jsonText(listed.map(policyJson)) : policyTable(listed));
      }),
    );
  return command;
}

function deleteCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "delete",
    "Delete a policy, and revoke the tokens that jobs have under it",
    "larder policy delete pol_0123456789abcdef",
  )
    .argument("<id>", "Id of the policy, see larder policy list")
    .action((id: string, options: { json?: true }) =>
      withData(context, command, async ({ policies }) => {
        const { revokedTokens, ...policy } = await policies.delete(id);
        context.stdout(
          options.json
            ? jsonText({ ...policyJson(policy), revokedTokens })
            : `Deleted policy "${policy.name}" (${policy.id}) of team ${policy.teamSlug}, and revoked ${counted(revokedTokens, "token")}.\n`,
        );
      }),
    );
  return command;
}

interface TestOptions {
  team?: string;
  tokenEnv?: string;
  json?: true;
}

function testCommand(context: CommandContext): Command {
  const command = dataSubcommand(
    "test",
    "Tell which policy takes a job's token, and why the others do not; nothing is created",
    "larder policy test --token-env ID_TOKEN\n  larder policy test - < token.txt",
  )
    .argument("[token]", "The job's token, or - for standard input")
    .option("--token-env <variable>", "Variable in the environment that holds the token")
    .option("--team <slug>", "Only the policies of this team, by slug or id")
    .action(async (given: string | undefined, options: TestOptions) => {
      const token = await givenToken(context, given, options.tokenEnv);
      readUnverified(token);
      await withData(context, command, async ({ teams, policies }) => {
        const teamId = options.team === undefined ? undefined : (await teams.get(options.team)).id;
        const trusting = await policies.list(teamId === undefined ? {} : { teamId });
        const report = await examineToken(token, trusting, new Issuers());
        context.stdout(options.json ? jsonText(reportJson(report)) : reportText(report));
        if (!report.chosen) throw new Refusal("forbidden", "No policy takes this token.");
      });
    });
  return command;
}

function reportText({ issuer, problem, judgements, chosen }: PolicyReport): string {
  const lines = [
    `Issuer: ${JSON.stringify(issuer)}`,
    `Token: ${problem ?? "signed by its issuer, and valid now"}`,
    "",
  ];
  for (const one of judgements) {
    const verdict = one.matches
      ? `matches, for ${one.policy.permission} ${trustOf(one.scope)}${one === chosen ? "; this one counts" : ""}`
      : "does not match";
    lines.push(`${one.policy.name} (${one.policy.id}, team ${one.policy.teamSlug}): ${verdict}`);
    if (!one.matches) lines.push(...one.reasons.map((reason) => `  ${reason}`));
  }
  // Whoever wrote the token chose what stands in it.
  return lines.map((line) => `${printableCell(line)}\n`).join("");
}

function describePolicy(policy: Policy): string {
  return (
    `Created policy "${policy.name}" (${policy.id}): for team ${policy.teamSlug}, permission ${policy.permission}, ` +
    `${trustOf(policy.scope)}.\n` +
    Object.entries(policy.claims)
      .map(([name, pattern]) => `  ${printableCell(`${name} = ${pattern}`)}\n`)
      .join("")
  );
}

function trustOf(scope: string): string {
  return scope === "" ? "trusted" : `in scope ${scope}`;
}

function policyTable(policies: Policy[]): string {
  return textTable([
    ["ID", "NAME", "TEAM", "PERMISSION", "SCOPE", "EXPIRES", "ISSUER", "AUDIENCE", "CLAIMS"],
    ...policies.map((policy) => [
      policy.id,
      policy.name,
      policy.teamSlug,
      policy.permission,
      policy.scope || "trusted",
      formatTime(policy.tokenMaxAgeMs),
      policy.issuer,
      policy.audience,
      Object.entries(policy.claims)
        .map(([name, pattern]) => `${name}=${pattern}`)
        .join(" "),
    ]),
  ]);
}
