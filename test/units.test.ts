import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatSize,
  formatTime,
  parseSize,
  parseTime,
  roundPercent,
  roundSize,
  roundTime,
} from "../src/units.ts";

const quantity = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(2 ** 10, 2 ** 20, 2 ** 30, 1e3, 1e6, 1e9))
    .map(([amount, unit]) => amount * unit),
);
const almostQuantity = fc.tuple(
  fc.constantFrom("", "-", "+", " "),
  fc.oneof(fc.nat().map(String), fc.double().map(String), fc.string()),
  fc.constantFrom("", " ", "  "),
  fc.constantFrom("", "B", "K", "KiB", "GB", "PiB", "ms", "s", "d", "x"),
);

describe("sizes", () => {
  test.each([
    ["0", 0],
    [" 0 ", 0],
    ["512b", 512],
    ["20GiB", 20 * 2 ** 30],
    ["1.5 GB", 1_500_000_000],
    ["500MB", 500_000_000],
    ["500mb", 500_000_000],
    ["1K", 1024],
    ["2m", 2 * 2 ** 20],
    ["3G", 3 * 2 ** 30],
    ["1T", 2 ** 40],
    ["1kb", 1000],
    [" 7KiB ", 7168],
    ["0.1KiB", 102],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([
    "",
    "20",
    "50",
    "1.5b",
    "1048576",
    "00",
    "GiB",
    "-1",
    "+1",
    "1.5",
    "0.5B",
    "1,5GB",
    "1_000",
    "1 0",
    "1e3",
    "0x10",
    ".5G",
    "5.G",
    "1GiBs",
    "1  G",
    "NaN",
    "Infinity",
    "9007199254740992",
    "9007199254740992B",
    "10PB",
    "99999999999999999999999",
  ])("%p is no size", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  test("come back from their printed form to the byte", () => {
    fc.assert(fc.property(quantity, (bytes) => parseSize(formatSize(bytes)) === bytes));
  });

  test.each([
    [0, "0B"],
    [2 ** 31, "2GiB"],
    [1.5 * 2 ** 30, "1536MiB"],
    [500_000_000, "500MB"],
    [500_000_000_000, "500GB"],
    [1_024_000, "1000KiB"],
    [1_048_577, "1048577B"],
  ])("%d bytes are printed as %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test("are never negative, fractional or unsafe, whatever the text", () => {
    fc.assert(fc.property(almostQuantity, (parts) => isUndefinedOrSafe(parseSize(parts.join("")))));
    fc.assert(fc.property(fc.string(), (text) => isUndefinedOrSafe(parseSize(text))));
  });

  test("are rounded to one decimal for reading", () => {
    expect([0, 1023, 1024, 2 ** 20 - 1, 123_456_789, 2 ** 40].map(roundSize)).toEqual([
      "0B",
      "1023B",
      "1KiB",
      "1MiB",
      "117.7MiB",
      "1TiB",
    ]);
    fc.assert(
      fc.property(fc.nat(2 ** 52), (bytes) => {
        const text = roundSize(bytes);
        expect(text).not.toMatch(/^1024[KMGT]iB/);
        expect(Math.abs((parseSize(text) as number) - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});

describe("times", () => {
  test.each([
    ["30d", 30 * 86_400_000],
    ["12h", 12 * 3_600_000],
    ["5m", 300_000],
    ["30s", 30_000],
    ["250ms", 250],
    ["1.5 H", 5_400_000],
    ["0s", 0],
  ])("%s is %d milliseconds", (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });

  test.each(["", "30", "s", "-1s", "1.5ms", "1h30m", "5 minutes", "1w", "999999999999d"])(
    "%p is no time",
    (text) => {
      expect(parseTime(text)).toBeUndefined();
    },
  );

  test("come back from their printed form to the millisecond", () => {
    fc.assert(fc.property(quantity, (ms) => parseTime(formatTime(ms)) === ms));
  });

  test.each([
    [0, "0s"],
    [60_000, "1m"],
    [90_000, "90s"],
    [30 * 86_400_000, "30d"],
    [1_001, "1001ms"],
  ])("%d milliseconds are printed as %s", (ms, text) => {
    expect(formatTime(ms)).toBe(text);
  });

  test("are never negative, fractional or unsafe, whatever the text", () => {
    fc.assert(fc.property(almostQuantity, (parts) => isUndefinedOrSafe(parseTime(parts.join("")))));
  });
});

function isUndefinedOrSafe(value: number | undefined): boolean {
  return value === undefined || (Number.isSafeInteger(value) && value >= 0);
}

describe("times for reading", () => {
  test.each([
    [0, "0ms"],
    [999, "999ms"],
    [4_290, "4.2s"],
    [59_999, "59.9s"],
    [60_000, "1m"],
    [66_999, "1m 6s"],
    [3_599_999, "59m 59s"],
    [3_600_000, "1h"],
    [7_500_000, "2h 5m"],
    [86_400_000 + 3_599_999, "1d"],
    [400 * 86_400_000 + 7_200_000, "400d 2h"],
  ])("%d milliseconds are %s", (timeMs, text) => {
    expect(roundTime(timeMs)).toBe(text);
  });
});

describe("shares", () => {
  test.each([
    [0, "0%"],
    [1, "100%"],
    [0.5, "50%"],
    [0.8734, "87.3%"],
    [8 / 12, "66.7%"],
  ])("%d reads as %s", (share, text) => {
    expect(roundPercent(share)).toBe(text);
  });

  test("are all or nothing only where they are", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), (share) => {
        expect(["0%", "100%"]).not.toContain(roundPercent(share));
      }),
    );
  });
});
