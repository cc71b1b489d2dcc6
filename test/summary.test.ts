import { describe, expect, test } from "bun:test";
import { summarize } from "./summary.ts";

function junit(counts: { tests: number; failures?: number; skipped?: number }): string {
  const { tests, failures = 0, skipped = 0 } = counts;
  // The inner counts must not be mistaken for the run's.
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="${tests}" assertions="9" failures="${failures}" skipped="${skipped}" time="0.1">
  <testsuite name="test/a.test.ts" tests="77" assertions="1" failures="77" skipped="77" time="0.1"></testsuite>
</testsuites>`;
}

describe("the closing summary", () => {
  test("counts what passed", () => {
    const summary = summarize({ exitCode: 0, junit: junit({ tests: 12 }), missing: [] });
    expect(summary).toEqual({ text: "12 passed, 0 failed", succeeded: true });
  });

  test("counts what failed and what was skipped", () => {
    const summary = summarize({
      exitCode: 1,
      junit: junit({ tests: 12, failures: 2, skipped: 3 }),
      missing: [],
    });
    expect(summary).toEqual({ text: "7 passed, 2 failed, 3 skipped", succeeded: false });
  });

  test("says which tests were skipped for lack of which tool, and how to get it", () => {
    const { text, succeeded } = summarize({
      exitCode: 0,
      junit: junit({ tests: 5, skipped: 2 }),
      missing: [
        { tool: "mill", install: "apt-get install mill", skipped: "grinds" },
        { tool: "oven", install: "build one", skipped: "bakes" },
        { tool: "mill", install: "apt-get install mill", skipped: "grinds coarsely" },
      ],
    });
    expect(succeeded).toBe(true);
    expect(text.split("\n")).toEqual([
      "Skipped for lack of mill (to get it: apt-get install mill)",
      "  - grinds",
      "  - grinds coarsely",
      "Skipped for lack of oven (to get it: build one)",
      "  - bakes",
      "3 passed, 0 failed, 2 skipped",
    ]);
  });

  test("is a failure when no test ran", () => {
    const { text, succeeded } = summarize({ exitCode: 0, junit: junit({ tests: 0 }), missing: [] });
    expect(succeeded).toBe(false);
    expect(text).toEndWith("\n0 passed, 1 failed");
  });

  test.each([1, null])("is a failure when there is no report and the exit code is %p", (exitCode) => {
    const { text, succeeded } = summarize({ exitCode, junit: undefined, missing: [] });
    expect(succeeded).toBe(false);
    expect(text).toEndWith("\n0 passed, 1 failed");
  });

  test("is a failure when no test failed but the runner did", () => {
    const { text, succeeded } = summarize({ exitCode: 1, junit: junit({ tests: 4 }), missing: [] });
    expect(succeeded).toBe(false);
    expect(text).toEndWith("\n4 passed, 1 failed");
  });
});
