import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  hoursMaxAgeMs,
  rollupSpans,
  spanBefore,
  startOfStep,
  stepMs,
  usageSpan,
} from "../../src/usage/usage-span.ts";

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.parse("2026-11-20T10:20:30Z");
const at = (text: string) => Date.parse(text);

test("up to seven days are shown in whole hours, and more in whole days", () => {
  expect(usageSpan(now - 7 * day, now, now)).toEqual({
    since: at("2026-11-13T10:00Z"),
    until: at("2026-11-20T11:00Z"),
    step: "hour",
  });
  expect(usageSpan(now - 8 * day, now, now)).toEqual({
    since: at("2026-11-12T00:00Z"),
    until: at("2026-11-21T00:00Z"),
    step: "day",
  });
  // Whole ones already.
  expect(usageSpan(at("2026-11-20T08:00Z"), at("2026-11-20T09:00Z"), now)).toEqual({
    since: at("2026-11-20T08:00Z"),
    until: at("2026-11-20T09:00Z"),
    step: "hour",
  });
});

test("a span holds what was asked for, in whole steps, and the one before is as long and ends where it begins", () => {
  fc.assert(
    fc.property(fc.nat(3_000 * day), fc.integer({ min: 1, max: 3_000 * day }), (ageMs, lengthMs) => {
      const since = now - ageMs;
      const span = usageSpan(since, since + lengthMs, now);
      const size = stepMs[span.step];
      expect([span.since % size, span.until % size]).toEqual([0, 0]);
      expect(span.since).toBeWithin(since - size + 1, since + 1);
      expect(span.until).toBeWithin(since + lengthMs, since + lengthMs + size);
      const before = spanBefore(span);
      expect([before.until, before.until - before.since, before.step]).toEqual([
        span.since,
        span.until - span.since,
        span.step,
      ]);
      // Hours are asked for only where they are kept.
      if (span.step === "hour") expect(before.since).toBeGreaterThan(now - hoursMaxAgeMs);
    }),
  );
});

test("a span is read in whole days or months where it has them, and at its edges in its own steps", () => {
  const parts = (since: string, until: string, step: "hour" | "day") =>
    rollupSpans({ since: at(since), until: at(until), step }).map((part) => [
      new Date(part.since).toISOString().slice(0, 13),
      new Date(part.until).toISOString().slice(0, 13),
      part.step,
    ]);
  expect(parts("2025-11-21T00:00Z", "2026-11-21T00:00Z", "day")).toEqual([
    ["2025-11-21T00", "2025-12-01T00", "day"],
    ["2025-12-01T00", "2026-11-01T00", "month"],
    ["2026-11-01T00", "2026-11-21T00", "day"],
  ]);
  expect(parts("2026-11-13T10:00Z", "2026-11-20T11:00Z", "hour")).toEqual([
    ["2026-11-13T10", "2026-11-14T00", "hour"],
    ["2026-11-14T00", "2026-11-20T00", "day"],
    ["2026-11-20T00", "2026-11-20T11", "hour"],
  ]);
  const lengths = (since: string, until: string) =>
    rollupSpans({ since: at(since), until: at(until), step: "day" }).map(
      (part) => (part.until - part.since) / day,
    );
  // Within one month, over the end of one, and whole months only.
  expect(lengths("2026-11-02", "2026-11-20")).toEqual([18, 0, 0]);
  expect(lengths("2026-10-20", "2026-11-20")).toEqual([12, 0, 19]);
  expect(lengths("2024-02-01", "2024-03-01")).toEqual([0, 29, 0]);
  expect(lengths("2024-01-31", "2024-03-02")).toEqual([1, 29, 1]);
});

test("the parts of a span follow each other, and only its edges, each shorter than a longer step, are not in longer steps", () => {
  fc.assert(
    fc.property(fc.nat(3_000 * day), fc.integer({ min: 1, max: 3_000 * day }), (ageMs, lengthMs) => {
      const span = usageSpan(now - ageMs, now - ageMs + lengthMs, now);
      const [first, middle, last] = rollupSpans(span);
      expect([first.since, first.until, middle.until, last.until]).toEqual([
        span.since,
        middle.since,
        last.since,
        span.until,
      ]);
      const longer = span.step === "hour" ? "day" : "month";
      expect([first.step, middle.step, last.step]).toEqual([span.step, longer, span.step]);
      if (middle.since < middle.until)
        expect([startOfStep(middle.since, longer), startOfStep(middle.until, longer)]).toEqual([
          middle.since,
          middle.until,
        ]);
      for (const edge of [first, last])
        if (edge.since < edge.until)
          expect(startOfStep(edge.until - 1, longer)).toBeLessThanOrEqual(startOfStep(edge.since, longer));
    }),
  );
});

test("no time at all, and more than ten years, are refused with what to do", () => {
  expect(() => usageSpan(now, now)).toThrow("Change one of them");
  expect(() => usageSpan(now, now - 1)).toThrow("Change one of them");
  expect(() => usageSpan(Number.NaN, now)).toThrow("Change one of them");
  expect(() => usageSpan(0, now)).toThrow("Name a later `since`");
  expect(() => usageSpan(now + day, now, now)).toThrow(
    "`since` is 2026-11-21T10:20:30.000Z, which lies in the future",
  );
  expect(() => usageSpan(now + day, now + 2 * day, now)).toThrow("lies in the future");
});
