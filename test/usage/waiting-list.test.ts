import { expect, test } from "bun:test";
import fc from "fast-check";
import { WaitingList } from "../../src/usage/waiting-list.ts";

interface Model {
  key: string;
  item: number;
  at: number;
}

type Step = ["add", string] | ["take", string] | ["expire", number] | ["clock", number];

const key = fc.constantFrom("a", "b", "c");
const step = fc.oneof(
  fc.tuple(fc.constant("add" as const), key),
  fc.tuple(fc.constant("take" as const), key),
  fc.tuple(fc.constant("expire" as const), fc.nat(5)),
  fc.tuple(fc.constant("clock" as const), fc.nat(3)),
);

test("the newest of a key is taken, and who has waited too long, or has no room, goes oldest first", () => {
  fc.assert(
    fc.property(fc.array(step as fc.Arbitrary<Step>, { maxLength: 200 }), (steps) => {
      const gone: number[] = [];
      const list = new WaitingList<number>(8, (item) => gone.push(item));
      const expected: number[] = [];
      let places: (Model | "taken")[] = [];
      let now = 0;
      let next = 0;
      const drop = () => {
        const first = places.shift();
        if (first && first !== "taken") expected.push(first.item);
      };
      for (const [what, value] of steps) {
        if (what === "clock") now += value;
        if (what === "add") {
          if (places.length === 8) drop();
          places.push({ key: value, item: next, at: now });
          list.add(value, next++, now);
        }
        if (what === "take") {
          const index = places.findLastIndex((place) => place !== "taken" && place.key === value);
          expect(list.take(value)).toBe((places[index] as Model | undefined)?.item);
          if (index >= 0) places = places.with(index, "taken");
        }
        if (what === "expire") {
          while (places[0] === "taken" || (places[0] && now - places[0].at >= value)) drop();
          list.expire(now, value);
        }
        expect(list.size).toBe(places.length);
        expect(gone).toEqual(expected);
      }
    }),
    { numRuns: 300 },
  );
});

/** Some 100 ms. Looking through those that wait would take far longer than a test may. */
test("it costs the same however many wait under one key", () => {
  const list = new WaitingList<number>(100_000);
  for (let item = 0; item < 1_000_000; item++) list.add("same", item, item);
  expect(list.take("same")).toBe(999_999);
  list.expire(Number.POSITIVE_INFINITY, 0);
  expect(list.size).toBe(0);
}, 60_000);

test("a clock that was set back lets nobody wait for ever", () => {
  const gone: string[] = [];
  const list = new WaitingList<string>(10, (item) => gone.push(item));
  list.add("a", "of tomorrow", 86_400_000);
  list.expire(1_000, 30_000);
  expect(gone).toEqual(["of tomorrow"]);
});
