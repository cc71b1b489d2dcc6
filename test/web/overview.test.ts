import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { noCounters, totalsOf } from "../../src/usage/counters.ts";
import type { SeriesPoint } from "../../src/web/api/types.ts";
import { formatDays, formatMonth } from "../../src/web/format/time.ts";
import { binsOf, dayStarts, monthStarts } from "../../src/web/pages/overview/bins.ts";
import { changeText, storedChangeText } from "../../src/web/pages/overview/change.tsx";
import { ticks } from "../../src/web/pages/overview/ticks.ts";

const none = { ...totalsOf(noCounters()), storedBytes: null };
const hourMs = 3_600_000;

function hours(count: number): SeriesPoint[] {
  const first = new Date(2026, 10, 10).getTime();
  return Array.from({ length: count }, (_, index) => ({
    ...none,
    remoteHits: index + 1,
    startAt: new Date(first + index * hourMs).toISOString(),
  }));
}

describe("bars", () => {
  test("of few hours are the hours", () => {
    expect(binsOf(hours(24), "hour")).toHaveLength(24);
  });

  test("of many hours are three in one, and nothing is lost", () => {
    const series = hours(168);
    const bins = binsOf(series, "hour");
    expect(bins).toHaveLength(56);
    const sum = (points: readonly { remoteHits: number }[]) =>
      points.reduce((all, { remoteHits }) => all + remoteHits, 0);
    expect(sum(bins)).toBe(sum(series));
    expect(Date.parse(bins[0]?.endAt as string) - Date.parse(bins[0]?.startAt as string)).toBe(3 * hourMs);
    expect(dayStarts(bins)).toHaveLength(6);
  });
});

describe("bars of the server's days", () => {
  const days = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...none,
      remoteHits: index + 1,
      startAt: new Date(Date.UTC(2025, 10, 21 + index)).toISOString(),
    }));

  test("are the days", () => {
    expect(binsOf(days(91), "day")).toHaveLength(91);
  });

  test("are weeks where there are many, and nothing is lost", () => {
    const series = days(366);
    const bins = binsOf(series, "day");
    expect(bins).toHaveLength(53);
    // Of a stock what there was at the end, and not a sum.
    const sizes = binsOf(
      series.map((day, index) => ({ ...day, storedBytes: index < 4 || index === 365 ? null : index })),
      "day",
    ).map(({ storedBytes }) => storedBytes);
    expect(sizes.slice(0, 3)).toEqual([null, 9, 16]);
    expect(sizes.at(-1)).toBe(364);
    for (const { startAt } of bins.slice(1)) expect(new Date(startAt).getUTCDay()).toBe(1);
    expect(bins.reduce((all, { remoteHits }) => all + remoteHits, 0)).toBe((366 * 367) / 2);
    for (const [index, { startAt }] of bins.slice(1).entries())
      expect(startAt).toBe(bins[index]?.endAt as string);
    expect(formatDays(bins[1]?.startAt as string, bins[1]?.endAt as string)).toBe(
      "24 Nov to 30 Nov 2025 UTC",
    );
    expect(monthStarts(bins).map(formatMonth)).toHaveLength(12);
  });

  test("have their day and their zone for a name, whatever the clock of the reader", () => {
    expect(formatDays("2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z")).toBe("21 Nov 2026 UTC");
  });
});

describe("lines of a chart", () => {
  test.each([
    ["count", 3, [0, 1, 2, 3]],
    ["count", 1_650, [0, 500, 1_000, 1_500, 2_000]],
    ["size", 3.1e9, [0, 2 ** 30, 2 * 2 ** 30, 3 * 2 ** 30]],
    ["size", 2, [0, 1, 2]],
    ["duration", 3.5 * hourMs, [0, hourMs, 2 * hourMs, 3 * hourMs, 4 * hourMs]],
    ["duration", 0, [0]],
  ] as const)("for a %s up to %d", (quantity, max, expected) => {
    expect(ticks(max, quantity)).toEqual([...expected]);
  });

  test("are few, and none stands below what is shown", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e15, noNaN: true }),
        fc.constantFrom("count" as const, "size" as const, "duration" as const),
        (max, quantity) => {
          const lines = ticks(max, quantity);
          expect(lines.length).toBeLessThanOrEqual(6);
          expect(lines.at(-1)).toBeGreaterThanOrEqual(max * (1 - 1e-9));
        },
      ),
    );
  });
});

describe("a change against the time before", () => {
  test.each([
    [0.8, 0.75, "points", "▲ 5 points"],
    [0.5, 0.75, "points", "▼ 25 points"],
    [0.5, 0.5, "points", "no change"],
    [null, 0.5, "points", undefined],
    [150, 100, "share", "▲ 50%"],
    [2_000, 100, "share", "▲ ×20"],
    [0, 100, "share", "▼ 100%"],
    [5, 0, "share", "new"],
    [0.5, null, "points", "new"],
    [0, 0, "share", undefined],
  ] as const)("from %p, before %p, in %s: %p", (now, before, kind, text) => {
    expect(changeText(now, before, kind)).toBe(text);
  });
});

describe("a change of what is stored", () => {
  test.each([
    [3 * 1024, 1024, "▲ 2KiB"],
    [1024, 3 * 1024, "▼ 2KiB"],
    [0, 7, "▼ 7B"],
    [7, 7, "no change"],
    [7, 0, "new"],
    [0, 0, undefined],
  ] as const)("from %p bytes, before %p: %p", (now, before, text) => {
    expect(storedChangeText(now, before)).toBe(text);
  });
});
