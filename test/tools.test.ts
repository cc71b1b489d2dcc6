import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingToolsFileVariable, missingToolsVariable } from "./tools.ts";

const toolsModule = JSON.stringify(join(import.meta.dir, "tools.ts"));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "larder-tools-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a test file that asks for a tool, in a process of its own. */
async function runWith(found: string | undefined, env: Record<string, string> = {}) {
  await Bun.write(
    join(folder, "some.test.ts"),
    `import { expect, test } from "bun:test";
    import { describeWith } from ${toolsModule};
    const mill = { name: "mill", install: "build one", find: () => ${JSON.stringify(found)} };
    describeWith(mill, "grinding", (path) => {
      test("grinds", () => expect(path).toBe("/opt/mill"));
    });`,
  );
  const missing = Bun.file(join(folder, "missing.jsonl"));
  const child = Bun.spawn([process.execPath, "test", "some.test.ts"], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", [missingToolsFileVariable]: missing.name as string, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const output = await new Response(child.stderr).text();
  return {
    exitCode: await child.exited,
    output,
    missing: (await missing.exists()) ? Bun.JSONL.parse(await missing.text()) : [],
  };
}

describe("tests that need a tool", () => {
  test("run with its path where it is found", async () => {
    const { exitCode, output, missing } = await runWith("/opt/mill");
    expect(output).toContain("(pass) grinding > grinds");
    expect({ exitCode, missing }).toEqual({ exitCode: 0, missing: [] });
  });

  test("are skipped where it is missing, and put on record", async () => {
    const { exitCode, output, missing } = await runWith(undefined);
    expect(output).toContain("(skip) grinding > needs mill");
    expect(exitCode).toBe(0);
    expect(missing).toEqual([{ tool: "mill", install: "build one", skipped: "grinding" }]);
  });

  test("fail where nothing may be skipped, saying how to get it", async () => {
    const { exitCode, output, missing } = await runWith(undefined, { [missingToolsVariable]: "fail" });
    expect(output).toContain("This needs mill, which was not found. To get it: build one");
    expect(output).toContain("(fail) grinding");
    expect({ exitCode, missing }).toEqual({ exitCode: 1, missing: [] });
  });
});
