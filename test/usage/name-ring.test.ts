import { expect, test } from "bun:test";
import fc from "fast-check";
import { bytesPerName, maxNameLength, NameRing } from "../../src/usage/name-ring.ts";

interface Model {
  owner: number;
  name: string;
  at: number;
  place: number;
  /** Where its bytes begin, as if there were no end. */
  start: number;
  isTaken: boolean;
}

type Step = ["add" | "take", number, string] | ["expire", number] | ["clock", number];

const owner = fc.constantFrom(0, 1, 7_000_000_000);
// Long ones, so that the bytes come to their end before the places do, at changing lengths.
const name = fc
  .tuple(fc.constantFrom("a", "b", "é"), fc.constantFrom(1, 2, 39, 200, maxNameLength))
  .map(([letter, length]) => letter.repeat(length));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom("add" as const, "take" as const), owner, name),
  fc.tuple(fc.constant("expire" as const), fc.nat(5)),
  fc.tuple(fc.constant("clock" as const), fc.nat(3)),
);

/** A ring, with the names that it let go of. */
function openRing(capacity: number) {
  const gone: string[] = [];
  const ring = new NameRing(capacity, (place) => gone.push(ring.nameOf(place)));
  return { ring, gone };
}

test("the newest of a name is taken, and who has waited too long, or has no room, goes oldest first", () => {
  const capacity = 8;
  const byteLength = capacity * bytesPerName + maxNameLength;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { ring, gone } = openRing(capacity);
      const expected: string[] = [];
      const places: Model[] = [];
      let nextStart = 0;
      let now = 0;
      const drop = () => {
        const first = places.shift();
        if (first && !first.isTaken) expected.push(first.name);
      };
      for (const [what, value, name = ""] of steps) {
        if (what === "clock") now += value;
        if (what === "add") {
          // No name is cut in two.
          const left = byteLength - (nextStart % byteLength);
          const start = nextStart + (name.length > left ? left : 0);
          nextStart = start + name.length;
          while (places.length === capacity || nextStart - (places[0]?.start ?? nextStart) > byteLength)
            drop();
          const place = ring.add(value, name, now);
          expect(places.some((other) => !other.isTaken && other.place === place)).toBe(false);
          places.push({ owner: value, name, at: now, place, start, isTaken: false });
        }
        if (what === "take") {
          const taken = places.findLast((one) => !one.isTaken && one.owner === value && one.name === name);
          expect(ring.take(value, name)).toBe(taken?.place);
          if (taken) taken.isTaken = true;
        }
        if (what === "expire") {
          while (places[0] && (places[0].isTaken || now - places[0].at >= value)) drop();
          ring.expire(now, value);
        }
        const waiting = places.filter(({ isTaken }) => !isTaken);
        expect(ring.waiting).toBe(waiting.length);
        for (const { place, name, at } of waiting)
          expect([ring.nameOf(place), ring.timeOf(place)]).toEqual([name, at]);
        expect(gone).toEqual(expected);
      }
    }),
    { numRuns: 500 },
  );
});

test("as many wait as there are places, where their names are of a usual length", () => {
  const { ring, gone } = openRing(1_000);
  for (let count = 0; count < 1_000; count++) ring.add(1, String(count).padStart(40, "0"), count);
  expect([ring.waiting, gone]).toEqual([1_000, []]);
});

test("of the longest names, fewer wait, and none is changed", () => {
  const { ring, gone } = openRing(100);
  const names = Array.from({ length: 500 }, (_, count) => String(count).padStart(maxNameLength, "0"));
  for (const [at, name] of names.entries()) ring.add(1, name, at);
  expect(ring.waiting).toBeGreaterThan(10);
  ring.expire(Number.POSITIVE_INFINITY, 0);
  expect(gone).toEqual(names);
});

/** Some 100 ms. Looking through those that wait would take far longer than a test may. */
test("it costs the same however many wait under one name", () => {
  const { ring } = openRing(100_000);
  let last = 0;
  for (let at = 0; at < 1_000_000; at++) last = ring.add(1, "same", at);
  expect(ring.take(1, "same")).toBe(last);
  ring.expire(Number.POSITIVE_INFINITY, 0);
  expect(ring.waiting).toBe(0);
}, 120_000);

test("a clock that was set back lets nobody wait for ever", () => {
  const { ring, gone } = openRing(10);
  ring.add(1, "of tomorrow", 86_400_000);
  ring.expire(1_000, 30_000);
  expect(gone).toEqual(["of tomorrow"]);
});
