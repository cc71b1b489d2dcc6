import { CommanderError } from "commander";
import { Refusal } from "../refusal.ts";
import type { CommandContext } from "./command-context.ts";
import { printable } from "./printable.ts";

/**
 * Says on standard error why a command failed, and returns the exit code: 2 if what was asked for cannot be (wrong usage, a
 * bad value, wherever it was given), 1 for every other failure, 0 if it did not fail.
 */
export function reportFailure(error: unknown, context: CommandContext): number {
  if (error instanceof CommanderError) {
    // Commander has printed it, and throws after help and version too.
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof Refusal) {
    // It may name what a stranger sent.
    context.stderr(`larder: ${printable(error.message)}\n`);
    return error.code === "bad_request" ? 2 : 1;
  }
  if (context.env.LARDER_LOG_LEVEL === "debug") {
    context.stderr(`larder: ${printable(Bun.inspect(error))}\n`);
    return 1;
  }
  context.stderr(
    `larder: ${printable(innermostMessage(error))}\nThis is a fault in larder or in the system under it. ` +
      "Set LARDER_LOG_LEVEL=debug in the environment and run it again to see where it happened.\n",
  );
  return 1;
}

/** The database layer wraps the reason in the text of the query. */
function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : innermostMessage(error.cause);
}
