import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";

/**
 * What the variable holds that a flag names; undefined if nothing. Whatever says so must not repeat the name: it may be a secret
 * that the shell put in its place.
 * @throws Refusal `bad_request` for what is no name of a variable.
 */
export function envValue(env: CommandContext["env"], flag: string, name: string): string | undefined {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return env[name] || undefined;
  throw new Refusal(
    "bad_request",
    `${flag} takes the name of a variable in the environment, not what it holds: MY_VARIABLE, without a $.`,
  );
}
