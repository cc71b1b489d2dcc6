import { expect, test } from "bun:test";
import { startLarder } from "../larder.ts";

test("a public URL is what clients are told, and where it listens is said beside it", async () => {
  await using larder = await startLarder({ args: ["--public-url", "https://cache.example.com"] });
  expect(larder.stdout()).toMatch(
    /^larder \S+ serves at https:\/\/cache\.example\.com\nIt listens at http:\/\/127\.0\.0\.1:\d+\n\n/,
  );
  expect(larder.stdout()).toContain(`It listens at ${larder.url}\n`);
  expect(larder.stdout()).toContain('export TURBO_API="https://cache.example.com"');
});

test("without one, where it listens is what clients are told", async () => {
  await using larder = await startLarder();
  expect(larder.stdout()).toContain(` serves at ${larder.url}\n`);
  expect(larder.stdout()).toContain(`export TURBO_API="${larder.url}"`);
  expect(larder.stdout()).not.toContain("It listens at");
});
