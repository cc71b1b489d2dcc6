import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSize } from "../../src/units.ts";
import { formatCount, formatCounted, formatPercent } from "../../src/web/format/count.ts";
import { formatDuration } from "../../src/web/format/duration.ts";
import { formatSize } from "../../src/web/format/size.ts";
import { formatRelativeTime } from "../../src/web/format/time.ts";

const bytes = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const times = fc.integer({ min: 0, max: 100 * 365 * 86_400_000 });

describe("sizes", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 KB"],
    [1_234, "1.2 KB"],
    [99_949, "99.9 KB"],
    [99_960, "100 KB"],
    [999_700, "1 MB"],
    [3_210_000_000, "3.2 GB"],
    [-5_000, "−5 KB"],
  ])("%d bytes read as %s", (sizeBytes, text) => {
    expect(formatSize(sizeBytes)).toBe(text);
  });

  test("of any size have three digits at most, and are right within their rounding", () => {
    fc.assert(
      fc.property(bytes, (sizeBytes) => {
        const text = formatSize(sizeBytes);
        const [number, unit] = text.split(" ") as [string, string];
        expect(number.replace(".", "").length).toBeLessThanOrEqual(3);
        const read = Number(number) * (parseSize(`1${unit === "EB" ? "PB" : unit}`) as number);
        expect(Math.abs(read - sizeBytes)).toBeLessThanOrEqual(Math.max(0.5, sizeBytes * 0.0501));
      }),
    );
  });
});

describe("durations", () => {
  test.each([
    [0, "0 ms"],
    [850, "850 ms"],
    [1_000, "1 s"],
    [3_249, "3.2 s"],
    [9_960, "10 s"],
    [59_600, "1 m"],
    [252_000, "4 m 12 s"],
    [3_599_700, "1 h"],
    [8_040_000, "2 h 14 m"],
    [86_399_000, "1 d"],
    [270_000_000, "3 d 3 h"],
    [104_025_600_000, "1,204 d"],
    [-1_500, "−1.5 s"],
  ])("%d ms read as %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  test("of any length never name sixty of a unit, and are right within their rounding", () => {
    const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    fc.assert(
      fc.property(times, (durationMs) => {
        const text = formatDuration(durationMs);
        expect(text).not.toMatch(/\b60 [ms]\b|\b24 h/);
        const parts = text.replaceAll(",", "").split(" ");
        let read = 0;
        for (let at = 0; at < parts.length; at += 2)
          read += Number(parts[at]) * (units[parts[at + 1] as string] as number);
        expect(Math.abs(read - durationMs)).toBeLessThanOrEqual(Math.max(1, durationMs * 0.06));
      }),
    );
  });
});

describe("shares", () => {
  test.each([
    [0, "0%"],
    [1, "100%"],
    [0.5, "50%"],
    [0.8734, "87.3%"],
  ])("%d reads as %s", (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });

  test("are all or nothing only where they are", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), (share) => {
        expect(["0%", "100%"]).not.toContain(formatPercent(share));
      }),
    );
  });
});

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
  fc.assert(fc.property(times, (ms) => expect(told(ms)).toMatch(/ago$|^just now$/)));
});
