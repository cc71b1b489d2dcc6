import { expect, test } from "bun:test";
import fc from "fast-check";
import { maxNameLength, NameRing } from "../../src/usage/name-ring.ts";

interface Model {
  owner: number;
  name: string;
  at: number;
  place: number;
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
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { ring, gone } = openRing(8);
      const expected: string[] = [];
      let places: (Model | "taken")[] = [];
      let now = 0;
      const drop = () => {
        const first = places.shift();
        if (first && first !== "taken") expected.push(first.name);
      };
      for (const [what, value, name = ""] of steps) {
        if (what === "clock") now += value;
        if (what === "add") {
          const place = ring.add(value, name, now);
          // Where names are long, more of them have to go: the ring says how many.
          while (places.length >= ring.size) drop();
          expect(places.some((other) => other !== "taken" && other.place === place)).toBe(false);
          places.push({ owner: value, name, at: now, place });
          expect([ring.nameOf(place), ring.timeOf(place)]).toEqual([name, now]);
        }
        if (what === "take") {
          const index = places.findLastIndex(
            (place) => place !== "taken" && place.owner === value && place.name === name,
          );
          expect(ring.take(value, name)).toBe((places[index] as Model | undefined)?.place);
          if (index >= 0) places = places.with(index, "taken");
        }
        if (what === "expire") {
          while (places[0] === "taken" || (places[0] && now - places[0].at >= value)) drop();
          ring.expire(now, value);
        }
        expect(ring.size).toBe(places.length);
        expect(gone).toEqual(expected);
      }
    }),
    { numRuns: 500 },
  );
});

test("as many wait as there are places, where their names are of a usual length", () => {
  const { ring, gone } = openRing(1_000);
  for (let count = 0; count < 1_000; count++) ring.add(1, String(count).padStart(40, "0"), count);
  expect([ring.size, gone]).toEqual([1_000, []]);
});

test("of the longest names, fewer wait, and none is changed", () => {
  const { ring, gone } = openRing(100);
  const names = Array.from({ length: 500 }, (_, count) => String(count).padStart(maxNameLength, "0"));
  for (const [at, name] of names.entries()) ring.add(1, name, at);
  expect(ring.size).toBeGreaterThan(10);
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
  expect(ring.size).toBe(0);
}, 60_000);

test("a clock that was set back lets nobody wait for ever", () => {
  const { ring, gone } = openRing(10);
  ring.add(1, "of tomorrow", 86_400_000);
  ring.expire(1_000, 30_000);
  expect(gone).toEqual(["of tomorrow"]);
});
