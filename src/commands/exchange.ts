import { appendFileSync } from "node:fs";
import { Command, Option } from "commander";
import { webUrlValue } from "../config/value-kinds.ts";
import { randomText } from "../identity/random.ts";
import { Refusal } from "../refusal.ts";
import { ciIdToken } from "./ci-id-token.ts";
import type { CommandContext } from "./command-context.ts";
import { type IssuedToken, requestExchange } from "./exchange-request.ts";
import { flagValue } from "./flag-value.ts";
import { jsonText } from "./json-text.ts";

const formats = ["env", "export", "github"] as const;

interface ExchangeOptions {
  url?: string;
  team?: string;
  audience?: string;
  tokenEnv?: string;
  format: (typeof formats)[number];
  required?: true;
  json?: true;
}

/** `larder exchange` */
export function exchangeCommand(context: CommandContext): Command {
  return new Command("exchange")
    .description("Get a token for this CI job from a larder, without any secret")
    .option("--url <url>", "URL of the larder (default: TURBO_API)", flagValue(webUrlValue(), context))
    .option("--team <slug>", "Team to act for, by slug or id (default: what the policies say)")
    .option("--audience <text>", "For whom the job's own token is (default: the larder's URL)")
    .option("--token-env <variable>", "Variable that holds the job's own token, if not found by itself")
    .addOption(
      new Option(
        "--format <format>",
        "How to print: env for NAME=VALUE, export for a shell, or github for the next steps of a job",
      )
        .choices(formats)
        .default("env"),
    )
    .option("--required", "Fail if there is no token, rather than go on without the cache")
    .addOption(new Option("--json", "Print JSON").conflicts("format"))
    .addHelpText(
      "after",
      '\nExample:\n  larder exchange --url https://cache.example.com --format github\n  eval "$(larder exchange --format export)"',
    )
    .action(async (options: ExchangeOptions) => {
      const url = options.url ?? urlOf(context);
      const format = options.json ? undefined : options.format;
      if (format === "github" && !context.env.GITHUB_ENV)
        throw new Refusal("bad_request", "--format github is for GitHub Actions: there is no GITHUB_ENV.");
      try {
        const idToken = await ciIdToken(context.env, options.audience ?? url, options.tokenEnv);
        const issued = await requestExchange(url, { idToken, team: options.team });
        print(context, format, url, issued);
        context.stderr(
          `larder: token for ${Math.round(issued.maxAgeSeconds / 60)} min: team ${issued.team}, ` +
            `permission ${issued.permission}, trust ${issued.trust}\n`,
        );
      } catch (error) {
        if (options.required || !(error instanceof Refusal) || error.code === "bad_request") throw error;
        // A build goes on without the cache, and stays green.
        context.stderr(`larder: no token, so this job goes on without the cache: ${error.message}\n`);
      }
    });
}

/** The variable may hold anything, and what is printed gets into shells. */
function urlOf(context: CommandContext): string {
  const { TURBO_API: url } = context.env;
  if (!url)
    throw new Refusal("bad_request", "Say where the larder is: --url, or TURBO_API in the environment.");
  try {
    return flagValue(webUrlValue(), context)(url);
  } catch {
    throw new Refusal("bad_request", `TURBO_API is no URL of a larder. It takes ${webUrlValue().allowed}.`);
  }
}

function print(
  context: CommandContext,
  format: ExchangeOptions["format"] | undefined,
  url: string,
  { secret, team, permission, trust, maxAgeSeconds }: IssuedToken,
): void {
  const variables = { TURBO_API: url, TURBO_TEAM: team, TURBO_TOKEN: secret };
  const entries = Object.entries(variables);
  if (format === "env") context.stdout(entries.map(([name, value]) => `${name}=${value}\n`).join(""));
  else if (format === "export") context.stdout(entries.map(exportLine).join(""));
  else if (format === "github") toGithub(context, entries, secret);
  else context.stdout(jsonText({ ...variables, permission, trust, expiresInSeconds: maxAgeSeconds }));
}

function exportLine([name, value]: [string, string]): string {
  return `export ${name}='${value.replaceAll("'", "'\\''")}'\n`;
}

/** For the steps that follow, and hidden in the log before anything can print it. */
function toGithub({ env, stdout }: CommandContext, entries: [string, string][], secret: string): void {
  stdout(`::add-mask::${secret}\n`);
  // A mark that nobody can know keeps a value from ending early and setting a variable of its own.
  const lines = entries.map(([name, value]) => {
    const mark = `larder_${randomText(24)}`;
    return `${name}<<${mark}\n${value}\n${mark}\n`;
  });
  appendFileSync(env.GITHUB_ENV as string, lines.join(""));
}
