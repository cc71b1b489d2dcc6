import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseSize } from "../../src/units.ts";
import { startLarder } from "../larder.ts";
import { rowsOf } from "../server/holdings.ts";

test("a public URL is what clients are told, and where it listens is said beside it", async () => {
  await using larder = await startLarder({ args: ["--public-url", "https://cache.example.com"] });
  expect(larder.stdout()).toMatch(
    /^larder \S+ serves at https:\/\/cache\.example\.com\nIt listens at http:\/\/127\.0\.0\.1:\d+\nArtifacts may take .* \(maxSize\)\.\nAll that it keeps is in .* \(data\)\.\n\n/,
  );
  expect(larder.stdout()).toContain(`All that it keeps is in ${larder.dataFolder} (data).\n`);
  expect(larder.stdout()).toContain(`It listens at ${larder.url}\n`);
  expect(larder.stdout()).toContain('export TURBO_API="https://cache.example.com"');
});

test("a public URL that is where it listens is said once", async () => {
  await using first = await startLarder();
  await first.stop();
  const { port } = new URL(first.url);
  await using larder = await startLarder({
    args: ["--port", port, "--public-url", `http://127.0.0.1:${port}`],
  });
  expect(larder.stdout()).toContain(` serves at http://127.0.0.1:${port}\n`);
  expect(larder.stdout()).not.toContain("It listens at");
});

test.each([
  ["0123456789abcde", 1],
  ["0123456789abcdef", 0],
  ["0123456789abcdef,short", 1],
])("a secret that can be guessed is warned of, and not shown (%s)", async (secrets, warnings) => {
  await using larder = await startLarder({ env: { TURBO_TOKEN: secrets } });
  await larder.stop();
  expect(larder.stderr().match(/fewer than 16 characters/g) ?? []).toHaveLength(warnings);
  for (const secret of secrets.split(",")) expect(larder.stderr()).not.toContain(secret);
});

test("without one, where it listens is what clients are told", async () => {
  await using larder = await startLarder();
  expect(larder.stdout()).toContain(` serves at ${larder.url}\n`);
  expect(larder.stdout()).toContain(`export TURBO_API="${larder.url}"`);
  expect(larder.stdout()).not.toContain("It listens at");
});

test("the first start chooses a share of the free disk as the limit, says it, and later ones keep it", async () => {
  await using larder = await startLarder();
  const chosen = () =>
    rowsOf<{ value: string }>(larder.dataFolder, "SELECT value FROM choices WHERE key = 'maxSizeBytes'");
  const [{ value } = { value: "" }] = chosen();
  expect(Number(value)).toBeGreaterThan(0);
  const said = /^Artifacts may take (\S+) \(maxSize\)\.$/m.exec(larder.stdout())?.[1] as string;
  expect((parseSize(said) as number) / Number(value)).toBeCloseTo(1, 1);
  await larder.stop();
  // Had it chosen again, it would have chosen less.
  const ballast = join(larder.dataFolder, "ballast");
  await Bun.write(ballast, new Uint8Array(64 * 1024 * 1024));
  await using again = await startLarder({ dataFolder: larder.dataFolder });
  rmSync(ballast);
  expect(chosen()).toEqual([{ value }]);
  expect(again.stdout()).toContain(`Artifacts may take ${said} (maxSize).\n`);
});

test.each([
  ["5GiB", "Artifacts may take 5GiB (maxSize).\n"],
  ["none", "Artifacts may fill the disk up to minFree (maxSize is none).\n"],
])("a limit of %s is said", async (maxSize, said) => {
  await using larder = await startLarder({ args: ["--max-size", maxSize] });
  expect(larder.stdout()).toContain(said);
});
