#!/usr/bin/env bun
import type { CommandContext } from "./commands/command-context.ts";
import { runProgram } from "./commands/program.ts";
import { reportFailure } from "./commands/report-failure.ts";
import { writeText } from "./commands/write-text.ts";

const context: CommandContext = {
  env: process.env,
  cwd: process.cwd(),
  stdout: (text) => writeText(1, text),
  stderr: (text) => writeText(2, text),
};

// What larder writes is for its owner alone, whatever folder it is given.
process.umask(0o077);

try {
  await runProgram(process.argv.slice(2), context);
} catch (error) {
  process.exit(reportFailure(error, context));
}
