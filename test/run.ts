/* Runs all tests, or those of the files that the arguments name, and says at the end what was skipped and why. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { summarize } from "./summary.ts";
import { type MissingTool, missingToolsFileVariable } from "./tools.ts";

const scratch = await mkdtemp(join(tmpdir(), "larder-test-run-"));
const temporary = join(scratch, "tmp");
await mkdir(temporary);
const junit = Bun.file(join(scratch, "junit.xml"));
const missingTools = Bun.file(join(scratch, "missing-tools.jsonl"));

const tests = Bun.spawn(
  [
    process.execPath,
    "test",
    // Files side by side, each in a process of its own.
    "--parallel",
    // A file that is cut off leaves no server behind.
    "--no-orphans",
    // Real build tools take their time on a busy machine.
    "--timeout=120000",
    "--reporter=junit",
    `--reporter-outfile=${junit.name}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: join(import.meta.dir, ".."),
    env: {
      ...process.env,
      [missingToolsFileVariable]: missingTools.name as string,
      // Tests make their folders in here, so that nothing stays behind even of one that was cut off.
      TMPDIR: temporary,
      TEMP: temporary,
    },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => tests.kill(signal));
await tests.exited;

const { text, succeeded } = summarize({
  exitCode: tests.exitCode,
  junit: (await junit.exists()) ? await junit.text() : undefined,
  missing: (await missingTools.exists()) ? (Bun.JSONL.parse(await missingTools.text()) as MissingTool[]) : [],
});
await rm(scratch, { recursive: true, force: true });
console.log(`\n${text}`);
process.exitCode = succeeded ? 0 : 1;
