import { InvalidArgumentError } from "commander";
import { systemHome } from "../config/platform-folders.ts";
import type { ValueKind } from "../config/value-kinds.ts";
import type { CommandContext } from "./command-context.ts";

/**
 * Reads, for commander, the value of a flag that is no setting. What cannot be is wrong usage, and refused before the
 * command does anything.
 */
export function flagValue<T>(kind: ValueKind<T>, { env, cwd }: CommandContext): (text: string) => T {
  return (text) => {
    const read = kind.read(text, { env, cwd, platform: process.platform, systemHome: systemHome() });
    if (!read) throw new InvalidArgumentError(`It takes ${kind.allowed}.`);
    return read.value;
  };
}

/** The same for a text as it is, which `check` refuses if it cannot be. */
export function checkedText(check: (text: string) => void): (text: string) => string {
  return (text) => {
    check(text);
    return text;
  };
}
