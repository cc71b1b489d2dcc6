import { expect, test } from "bun:test";
import fc from "fast-check";
import { jobLogText } from "../../src/commands/job-log-text.ts";

test("no text of somebody else's holds a command to a runner, or a second line", () => {
  const text = fc.string({
    unit: fc.constantFrom("#", "[", ":", " ", "a", "\n", "\r", "\u2028", "\u0085", "\ud800"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (one) => {
      const line = jobLogText(one);
      expect(line).not.toMatch(/^\s*::|##\w*\[|[\p{C}\p{Zl}\p{Zp}]/u);
    }),
    { numRuns: 5_000 },
  );
  expect(jobLogText("No policy takes this job: a::b [c] #1.")).toBe("No policy takes this job: a::b [c] #1.");
});
