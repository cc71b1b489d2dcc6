import { Command } from "commander";
import { version } from "../version.ts";
import { auditCommand } from "./audit.ts";
import type { CommandContext } from "./command-context.ts";
import { configCommand } from "./config.ts";
import { connectCommand } from "./connect.ts";
import { duCommand } from "./du.ts";
import { exchangeCommand } from "./exchange.ts";
import { gcCommand } from "./gc.ts";
import { policyCommand } from "./policy.ts";
import { purgeCommand } from "./purge.ts";
import { serveCommand } from "./serve.ts";
import { statsCommand } from "./stats.ts";
import { teamCommand } from "./team.ts";
import { tokenCommand } from "./token.ts";
import { userCommand } from "./user.ts";
import { verifyCommand } from "./verify.ts";
import { verifySignatureCommand } from "./verify-signature.ts";

/**
 * Runs the command that the arguments name, and the server without one.
 * @throws CommanderError when the help or the version was printed, or a usage error; Refusal; and what commands throw.
 */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<void> {
  const larder = program(context);
  const words = splitFlags(asksHelpOfCommand(args) ? helpOf(larder, args.slice(1)) : args);
  if (!namesNothing(words)) {
    await larder.parseAsync(words, { from: "user" });
    return;
  }
  refuseFlagsFirst(larder, words);
  await larder.parseAsync(["serve", ...words], { from: "user" });
}

function program(context: CommandContext): Command {
  const larder = new Command("larder")
    .description("A self-hosted build cache. Without a command, larder starts the server.")
    .version(`larder ${version}`, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .addHelpText(
      "after",
      "\nExamples:\n  larder\n  larder serve --port 8080 --data /srv/larder\n  larder connect\n\n" +
        "`larder COMMAND --help` tells more about a command.",
    );
  larder.commandsGroup("Server:");
  larder.addCommand(serveCommand(context)).addCommand(configCommand(context));
  larder.addCommand(statsCommand(context));
  larder.commandsGroup("Storage:");
  larder.addCommand(duCommand(context)).addCommand(gcCommand(context));
  larder.addCommand(purgeCommand(context)).addCommand(verifyCommand(context));
  larder.addCommand(verifySignatureCommand(context));
  larder.commandsGroup("Teams, people and tokens:");
  larder.addCommand(teamCommand(context)).addCommand(userCommand(context));
  larder.addCommand(tokenCommand(context)).addCommand(policyCommand(context));
  larder.addCommand(auditCommand(context));
  larder.commandsGroup("Clients:");
  larder.addCommand(connectCommand(context)).addCommand(exchangeCommand(context));
  larder.commandsGroup("Help:").helpCommand("help [command...]", "Print the help of a command");
  furnish(larder, context, larder.name());
  return larder;
}

/** Commander's own default command would take a mistyped command for an argument of the server. */
function namesNothing(args: readonly string[]): boolean {
  const [first] = args;
  if (first === undefined) return true;
  return first.startsWith("-") && !["-h", "--help", "-V", "--version"].includes(first);
}

/** Commander's own help command knows one word only, and `larder help token create` is two. */
function asksHelpOfCommand(args: readonly string[]): boolean {
  return args[0] === "help" && args.length > 1;
}

/** Words that print the help of the command that `names` lead to, or say which of them is none. */
function helpOf(larder: Command, names: readonly string[]): string[] {
  let command = larder;
  for (const name of names) {
    const child = commandNamed(command, name);
    if (!child && command.commands.length > 0) return [...names];
    command = child ?? command;
  }
  return [...names, "--help"];
}

/** Flags before the command would be taken for the server's, and the command for one word too many. */
function refuseFlagsFirst(larder: Command, words: readonly string[]): void {
  const serve = commandNamed(larder, "serve") as Command;
  // What follows a flag that the server does not have may be its value, which costs a word of the wrong advice.
  const { operands, unknown } = serve.parseOptions([...words]);
  const rest = [...operands, ...unknown];
  const index = rest.findIndex((word) => commandNamed(larder, word));
  const command = commandNamed(larder, rest[index]);
  if (!command) return;
  const subcommand = commandNamed(command, rest[index + 1]);
  const names = ["larder", command.name(), ...(subcommand ? [subcommand.name()] : [])].join(" ");
  larder.error(`flags go after the command, as in \`${names} ${words[0]} …\`.`);
}

function commandNamed(parent: Command, name: string | undefined): Command | undefined {
  return parent.commands.find((command) => command.name() === name);
}

/**
 * `--flag=value` as two words. Commander would repeat an unknown flag with its value, which may be a secret, and not see
 * which flag it resembles.
 */
function splitFlags(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    return flag === undefined || value === undefined ? [arg] : [flag, value];
  });
}

/** What holds for every command, since commander hands nothing down to commands that were made by themselves. */
function furnish(command: Command, context: CommandContext, path: string): void {
  command
    .exitOverride()
    .showHelpAfterError(`See \`${path} --help\`.`)
    .configureHelp({ helpWidth: 100, showGlobalOptions: false })
    .configureOutput({
      writeOut: context.stdout,
      writeErr: context.stderr,
      outputError: (text, write) => write(`larder: ${text.replace(/^error: /, "")}`),
    });
  if (command.parent) command.helpCommand(false).helpOption("-h, --help", "Print this help");
  for (const child of command.commands) furnish(child, context, `${path} ${child.name()}`);
}
