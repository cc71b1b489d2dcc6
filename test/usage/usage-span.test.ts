import { expect, test } from "bun:test";
import fc from "fast-check";
import { hoursMaxAgeMs, spanBefore, stepMs, usageSpan } from "../../src/usage/usage-span.ts";

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
