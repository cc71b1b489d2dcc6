import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatCount, formatCounted } from "../../src/web/format/count.ts";
import { formatDetails } from "../../src/web/format/details.ts";
import {
  formatLocalMoment,
  formatRelativeTime,
  readLocalDayEnd,
  readLocalMoment,
} from "../../src/web/format/time.ts";

const times = fc.integer({ min: 0, max: 100 * 365 * 86_400_000 });

test("counts have all their digits up to a million", () => {
  expect(formatCount(999_999)).toBe("999,999");
  expect(formatCount(1_250_000)).toBe("1.3M");
  expect(formatCounted(1, "artifact")).toBe("1 artifact");
  expect(formatCounted(0, "policy", "policies")).toBe("0 policies");
});

test("a time is told by how long ago it was, or is still to come", () => {
  const now = Date.UTC(2026, 10, 20, 12);
  const told = (agoMs: number) => formatRelativeTime(now - agoMs, now);
  expect(told(3_000)).toBe("just now");
  expect(told(45_000)).toBe("45 sec. ago");
  expect(told(5 * 60_000 + 59_000)).toBe("5 min. ago");
  expect(told(23 * 3_600_000)).toBe("23 hr. ago");
  expect(told(3 * 86_400_000)).toBe("3 days ago");
  expect(told(-2 * 86_400_000)).toBe("in 2 days");
  expect(told(-90 * 86_400_000 + 5_000)).toBe("in 90 days");
  expect(told(80 * 86_400_000)).toBe("80 days ago");
  fc.assert(fc.property(times, (ms) => expect(told(ms)).toMatch(/ago$|^just now$/)));
});

test("details of the audit log are told in units, and what says nothing is left out", () => {
  expect(
    formatDetails({ tool: "turbo", scope: "", sizeBytes: 3 * 2 ** 20, policyId: null, artifacts: 0 }),
  ).toEqual([
    ["tool", "turbo"],
    ["size", "3MiB"],
    ["artifacts", "0"],
  ]);
  expect(
    formatDetails({ claims: { ref: "refs/heads/main", run: 7 }, writtenBy: ["tok_1", "tok_2"] }),
  ).toEqual([
    ["claims", "ref refs/heads/main, run 7"],
    ["writtenBy", "tok_1, tok_2"],
  ]);
  // What a change has taken away is a change.
  expect(
    formatDetails({ quotaBytes: null, name: "", before: { quotaBytes: 2 ** 30, maxAgeMs: 86_400_000 } }),
  ).toEqual([
    ["quota", "none"],
    ["name", "empty"],
    ["before", "quota 1GiB, maxAge 1d"],
  ]);
});

test("a moment comes back from the field that shows it, to the minute", () => {
  fc.assert(
    fc.property(times, (atMs) => {
      const at = new Date(atMs - (atMs % 60_000)).toISOString();
      const shown = formatLocalMoment(at);
      expect(shown).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
      expect(formatLocalMoment(readLocalMoment(shown))).toBe(shown);
    }),
  );
  for (const none of ["", "7d", "24h", "2026-13-01"]) expect(formatLocalMoment(none)).toBe("");
  expect(readLocalMoment("")).toBe("");
});

test("a day ends where the next one begins, however long it is", () => {
  const hoursOf = (day: string) =>
    (Date.parse(readLocalDayEnd(day)) - new Date(`${day}T00:00`).getTime()) / 3_600_000;
  const zone = process.env.TZ;
  try {
    for (const [name, hours] of [
      ["UTC", [24, 24]],
      ["Europe/Berlin", [23, 25]],
    ] as const) {
      process.env.TZ = name;
      expect([hoursOf("2026-03-29"), hoursOf("2026-10-25")]).toEqual([...hours]);
    }
  } finally {
    process.env.TZ = zone ?? "Etc/UTC";
  }
  expect(readLocalDayEnd("")).toBe("");
  expect(readLocalDayEnd("2026-13-01")).toBe("");
});
