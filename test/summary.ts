import type { MissingTool } from "./tools.ts";

export interface Outcome {
  /** Of `bun test`; null if a signal ended it. */
  exitCode: number | null;
  /** What its JUnit reporter wrote, if it came to that. */
  junit: string | undefined;
  missing: MissingTool[];
}

/** The closing lines of a test run, and whether it succeeded. The last line is always `N passed, N failed`. */
export function summarize({ exitCode, junit, missing }: Outcome): { text: string; succeeded: boolean } {
  const total = (attribute: string) =>
    Number(junit?.match(new RegExp(`<testsuites [^>]*\\b${attribute}="(\\d+)"`))?.[1] ?? 0);
  const tests = total("tests");
  const skipped = total("skipped");
  const counted = total("failures") + total("errors");

  const lines: string[] = [];
  let failed = counted;
  if (tests === 0) {
    lines.push("No test ran, which counts as a failure.");
    failed = Math.max(1, counted);
  } else if (exitCode !== 0 && counted === 0) {
    // A file that cannot be loaded is in no report, and neither is what kills the test runner itself.
    lines.push(
      `No test failed, but bun test ended with ${exitCode ?? "a signal"}: its own output above says why.`,
    );
    failed = 1;
  }

  for (const [tool, group] of Map.groupBy(missing, (entry) => entry.tool)) {
    lines.push(`Skipped for lack of ${tool} (to get it: ${group[0]?.install})`);
    for (const title of new Set(group.map((entry) => entry.skipped))) lines.push(`  - ${title}`);
  }

  const passed = Math.max(0, tests - skipped - counted);
  lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return { text: lines.join("\n"), succeeded: failed === 0 };
}
