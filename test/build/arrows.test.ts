import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokenRule } from "../../build/arrows.ts";

const root = join(import.meta.dir, "../..");

describe("what may import what", () => {
  test.each([
    ["src/main.ts", "src/commands/serve.ts"],
    ["src/commands/serve.ts", "src/config/settings.ts"],
    ["src/app/app.ts", "src/config/settings.ts"],
    ["src/app/app.ts", "src/web/index.html"],
    ["src/commands/token.ts", "src/database/database.ts"],
    ["src/protocols/turbo/artifacts.ts", "src/cache/cache.ts"],
    ["src/protocols/turbo/artifacts.ts", "src/protocols/turbo/headers.ts"],
    ["src/protocols/turbo/artifacts.ts", "src/protocols/range.ts"],
    ["src/metrics/metrics.ts", "src/notices/notices.ts"],
    ["src/cache/cache.ts", "src/storage/disk/disk-storage.ts"],
    ["src/storage/disk/receive.ts", "src/storage/blob-storage.ts"],
    ["src/storage/disk/receive.ts", "src/refusal.ts"],
    ["src/web/main.tsx", "src/units.ts"],
    ["src/version.ts", "package.json"],
  ])("%s may import %s", (file, imported) => {
    expect(brokenRule(file, imported)).toBeUndefined();
  });

  test.each([
    ["src/app/app.ts", "src/commands/serve.ts"],
    ["src/cache/cache.ts", "src/protocols/turbo/artifacts.ts"],
    ["src/cache/cache.ts", "src/identity/tokens.ts"],
    ["src/cache/cache.ts", "src/config/settings.ts"],
    ["src/protocols/turbo/artifacts.ts", "src/config/settings.ts"],
    ["src/protocols/turbo/artifacts.ts", "src/admin/api.ts"],
    ["src/protocols/nx/artifacts.ts", "src/protocols/turbo/headers.ts"],
    ["src/protocols/range.ts", "src/protocols/turbo/headers.ts"],
    ["src/notices/notices.ts", "src/metrics/metrics.ts"],
    ["src/storage/blob-storage.ts", "src/database/database.ts"],
    ["src/database/database.ts", "src/cache/cache.ts"],
    ["src/config/settings.ts", "src/storage/blob-storage.ts"],
    ["src/web/main.tsx", "src/admin/api.ts"],
    ["src/admin/api.ts", "src/web/index.html"],
    ["src/refusal.ts", "src/database/database.ts"],
    ["src/a-new-room/file.ts", "src/cache/cache.ts"],
    ["src/cache/cache.ts", "src/a-new-room/file.ts"],
    ["src/cache/cache.ts", "test/larder.ts"],
    ["src/cache/cache.ts", "package.json"],
  ])("%s may not import %s", (file, imported) => {
    expect(brokenRule(file, imported)).toBeString();
  });
});

test("the dashboard may know the API's types, and nothing that runs", () => {
  expect(brokenRule("src/web/api/types.ts", "src/admin/model.ts", true)).toBeUndefined();
  expect(brokenRule("src/web/api/types.ts", "src/admin/model.ts", false)).toBeString();
  expect(brokenRule("src/web/api/types.ts", "src/cache/cache.ts", true)).toBeString();
  expect(brokenRule("src/cache/cache.ts", "src/admin/model.ts", true)).toBeString();
});

describe("a run over a folder", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "larder-arrows-")));
    await Bun.write(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: { allowImportingTsExtensions: true, noEmit: true },
        include: ["src"],
      }),
    );
    await Bun.write(join(folder, "src/app/app.ts"), 'export * from "./cache/cache.ts";\n');
    await Bun.write(join(folder, "src/protocols/turbo/artifacts.ts"), "export type Artifact = string;\n");
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function check(cache: string): Promise<{ exitCode: number; lines: string[] }> {
    await Bun.write(join(folder, "src/cache/cache.ts"), cache);
    const run = Bun.spawn([process.execPath, join(root, "build/arrows.ts"), folder], { stderr: "pipe" });
    const output = await new Response(run.stderr).text();
    return { exitCode: await run.exited, lines: output.trim().split("\n") };
  }

  test("says nothing when every import is allowed, whatever comments and strings hold", async () => {
    const { exitCode, lines } = await check(
      '// import "../app.ts";\nexport const text = `import "../app.ts"`;\nexport * from "bun";\n',
    );
    expect({ exitCode, lines }).toEqual({ exitCode: 0, lines: [""] });
  });

  test.each([
    ["a value", 'import { x } from "../protocols/turbo/artifacts.ts";'],
    ["a type", 'import type { Artifact } from "../protocols/turbo/artifacts.ts";'],
    ["a type inline", 'type A = import("../protocols/turbo/artifacts.ts").Artifact;'],
    ["a re-export", 'export * from "../protocols/turbo/artifacts.ts";'],
    ["a side effect", 'import "../protocols/turbo/artifacts.ts";'],
    ["a late import", 'await import("../protocols/turbo/artifacts.ts");'],
  ])("fails on %s from a room above, naming file, line and rule", async (_, statement) => {
    const { exitCode, lines } = await check(`\n${statement}\n`);
    expect(exitCode).toBe(1);
    expect(lines).toEqual([
      "src/cache/cache.ts:2: imports src/protocols/turbo/artifacts.ts, " +
        "but cache may import only audit, storage, database, past-time.ts, refusal.ts, remembered.ts, tools.ts, units.ts, version.ts, without-secrets.ts.",
    ]);
  });

  test("tells an import of types from one of values, whatever stands around it", async () => {
    await Bun.write(
      join(folder, "src/admin/model.ts"),
      "export const model = 1;\nexport type Model = string;\n",
    );
    const web = join(folder, "src/web/page.ts");
    await Bun.write(web, 'import type { Model } from "../admin/model.ts";\nexport type Page = Model;\n');
    expect(await check("")).toEqual({ exitCode: 0, lines: [""] });
    for (const statement of [
      'import { model } from "../admin/model.ts";',
      'import { type Model } from "../admin/model.ts";',
      'export type { Model } from "../admin/model.ts";',
    ]) {
      await Bun.write(web, statement);
      const { exitCode, lines } = await check("");
      expect(exitCode).toBe(1);
      expect(lines[0]).toStartWith("src/web/page.ts:1: imports src/admin/model.ts, but web may import only");
    }
  });

  test("fails when it finds nothing to look at", async () => {
    await rm(join(folder, "src"), { recursive: true });
    const run = Bun.spawn([process.execPath, join(root, "build/arrows.ts"), folder], { stderr: "ignore" });
    expect(await run.exited).not.toBe(0);
  });
});
