#!/usr/bin/env bun
import type { CommandContext } from "./commands/command-context.ts";
import { runProgram } from "./commands/program.ts";
import { reportFailure } from "./commands/report-failure.ts";
import { writeText } from "./commands/write-text.ts";
import { withoutSecrets } from "./without-secrets.ts";

const context: CommandContext = {
  env: process.env,
  cwd: process.cwd(),
  stdout: (text) => writeText(1, text),
  // What failed may repeat what was asked for. Secrets that somebody asked for go to standard output.
  stderr: (text) => writeText(2, withoutSecrets(text)),
};

// What larder writes is for its owner alone, whatever folder it is given.
process.umask(0o077);

try {
  await runProgram(process.argv.slice(2), context);
} catch (error) {
  process.exit(reportFailure(error, context));
}
