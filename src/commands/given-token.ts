import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";
import { envValue } from "./env-value.ts";

/**
 * The token that a command is to look at.
 * @param given the argument, or - for standard input.
 * @param variable in the environment that holds it, where no argument is given.
 * @throws Refusal `bad_request` for neither or both, and where it is empty.
 */
export async function givenToken(
  context: CommandContext,
  given: string | undefined,
  variable: string | undefined,
): Promise<string> {
  if ((given === undefined) === (variable === undefined))
    throw new Refusal(
      "bad_request",
      "Give the token as argument, as - on standard input, or with --token-env.",
    );
  const token = variable === undefined ? given : envValue(context.env, "--token-env", variable);
  const text = (token === "-" ? await Bun.stdin.text() : (token ?? "")).trim();
  if (text !== "") return text;
  throw new Refusal(
    "bad_request",
    variable === undefined ? "The token is empty." : "The variable that --token-env names is not set.",
  );
}
