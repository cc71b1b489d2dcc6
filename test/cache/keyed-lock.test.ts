import { expect, test } from "bun:test";
import fc from "fast-check";
import { KeyedLock } from "../../src/cache/keyed-lock.ts";

test("works that share run together, one that excludes runs alone, whatever fails and in whatever order", async () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b"),
    kind: fc.constantFrom("share" as const, "exclude" as const),
    turns: fc.integer({ min: 0, max: 3 }),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const lock = new KeyedLock();
      const running = { a: { share: 0, exclude: 0 }, b: { share: 0, exclude: 0 } };
      const works = steps.map(({ key, kind, turns, fails }) =>
        run(lock, kind, key, async () => {
          const now = running[key as "a" | "b"];
          now[kind]++;
          expect(now.exclude === 0 || (now.exclude === 1 && now.share === 0)).toBeTrue();
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          now[kind]--;
          if (fails) throw new Error("as asked");
        }),
      );
      const ends = await Promise.allSettled(works);
      expect(ends.map((end) => end.status === "rejected")).toEqual(steps.map((one) => one.fails));
      expect(lock.size).toBe(0);
    }),
  );
});

test("works that share do not wait for each other", async () => {
  const lock = new KeyedLock();
  const { promise: second, resolve } = Promise.withResolvers<void>();
  await Promise.all([lock.share("a", () => second), lock.share("a", async () => resolve())]);
});

function run(
  lock: KeyedLock,
  kind: "share" | "exclude",
  key: string,
  work: () => Promise<void>,
): Promise<void> {
  return kind === "share" ? lock.share(key, work) : lock.exclude([key], work);
}
