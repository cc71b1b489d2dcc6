/* All that can be said about the code without running it. Each checker speaks only when it has something to say. */
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const colors = Boolean(process.stdout.isTTY && !process.env.NO_COLOR);
const checkers = {
  types: ["node_modules/typescript/bin/tsc", "--pretty", String(colors)],
  "lint and format": [
    "node_modules/@biomejs/biome/bin/biome",
    "check",
    "--error-on-warnings",
    `--colors=${colors ? "force" : "off"}`,
  ],
  arrows: ["build/arrows.ts"],
};

const outcomes = await Promise.all(
  Object.entries(checkers).map(async ([name, command]) => {
    const checker = Bun.spawn([process.execPath, ...command], {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = await Promise.all([
      new Response(checker.stdout).text(),
      new Response(checker.stderr).text(),
    ]);
    return { name, output: output.join("").trim(), succeeded: (await checker.exited) === 0 };
  }),
);

for (const { name, output, succeeded } of outcomes) {
  if (!succeeded) console.error(`${output}\n`);
  console.log(`${succeeded ? "ok    " : "FAILED"}  ${name}`);
}
process.exitCode = outcomes.every(({ succeeded }) => succeeded) ? 0 : 1;
