import { expect, test } from "bun:test";
import { ReportedOnce } from "../../src/usage/reported-once.ts";

test("the same counts once, and of very many those that came first are forgotten", () => {
  const reported = new ReportedOnce(3);
  expect(["a", "b", "a", "c"].map((what) => reported.isFirst(what))).toEqual([true, true, false, true]);
  expect(["d", "a", "e", "f", "a"].map((what) => reported.isFirst(what))).toEqual([
    true,
    false,
    true,
    true,
    false,
  ]);
  // The first half goes as a whole.
  expect(reported.isFirst("g")).toBe(true);
  expect(reported.isFirst("a")).toBe(true);
  expect(reported.isFirst("d")).toBe(false);
});
