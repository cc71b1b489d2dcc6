import { describe, test } from "bun:test";
import { appendFileSync } from "node:fs";

/** Something that is not larder's own, and that some tests cannot do without. */
export interface Tool {
  name: string;
  /** Its path, or undefined where it is missing. */
  find(): string | undefined;
  /** How to get it: a command, or a short sentence. */
  install: string;
}

/** What `bun run test` passes to the test files. */
export const missingToolsFileVariable = "TEST_MISSING_TOOLS_FILE";

/** Set to `fail` where nothing may be skipped for lack of a tool, as in CI. */
export const missingToolsVariable = "TEST_MISSING_TOOLS";

/** One line of that file. */
export interface MissingTool {
  tool: string;
  install: string;
  skipped: string;
}

/**
 * `describe` for tests that need a tool. Where it is missing they are skipped, and the test run's summary says so.
 * Tests that need two tools nest it.
 */
export function describeWith(tool: Tool, title: string, body: (path: string) => void): void {
  const path = tool.find();
  if (path !== undefined) {
    describe(title, () => body(path));
    return;
  }
  if (process.env[missingToolsVariable] === "fail") {
    test(title, () => {
      throw new Error(`This needs ${tool.name}, which was not found. To get it: ${tool.install}`);
    });
    return;
  }
  const missing: MissingTool = { tool: tool.name, install: tool.install, skipped: title };
  const file = process.env[missingToolsFileVariable];
  // Appended in one write, since test files run side by side.
  if (file) appendFileSync(file, `${JSON.stringify(missing)}\n`);
  describe.skip(title, () => {
    // Stands for the block, whose own tests cannot be named without the tool.
    test(`needs ${tool.name}`, () => {});
  });
}
