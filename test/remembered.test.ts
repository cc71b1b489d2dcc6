import { expect, test } from "bun:test";
import { Remembered } from "../src/remembered.ts";

/** Its answers are numbers, each given when the test says so. */
function openRemembered(maxAgeMs: number) {
  const asked: PromiseWithResolvers<number>[] = [];
  const remembered = new Remembered(() => {
    const answer = Promise.withResolvers<number>();
    asked.push(answer);
    return answer.promise;
  }, maxAgeMs);
  const answer = (value: number) => asked.at(-1)?.resolve(value);
  return { remembered, asked, answer };
}

test("while an answer is under way all share it, however little it would be remembered", async () => {
  const { remembered, asked, answer } = openRemembered(0);
  expect(remembered.isOld).toBe(true);
  const all = [remembered.get(), remembered.get()];
  await new Promise((turned) => setImmediate(turned));
  all.push(remembered.get());
  expect([remembered.isOld, asked.length]).toEqual([false, 1]);
  answer(1);
  expect(await Promise.all(all)).toEqual([1, 1, 1]);
  expect(remembered.isOld).toBe(true);
  const next = remembered.get();
  answer(2);
  expect([await next, asked.length]).toEqual([2, 2]);
});

test("an answer is remembered until it is too old", async () => {
  const { remembered, asked, answer } = openRemembered(Number.POSITIVE_INFINITY);
  const first = remembered.get();
  answer(1);
  expect([await first, await remembered.get(), asked.length]).toEqual([1, 1, 1]);
  expect(remembered.isOld).toBe(false);
});

test("its age counts from when it was asked for", async () => {
  const { remembered, asked, answer } = openRemembered(20);
  const slow = remembered.get();
  const begun = performance.now();
  while (performance.now() - begun <= 20) await new Promise((turned) => setImmediate(turned));
  expect(remembered.isOld).toBe(false);
  answer(1);
  await slow;
  expect(remembered.isOld).toBe(true);
  const next = remembered.get();
  answer(2);
  expect([await next, asked.length]).toEqual([2, 2]);
});

test("what failed is told to all who shared it, and asked anew", async () => {
  const { remembered, asked, answer } = openRemembered(Number.POSITIVE_INFINITY);
  const shared = Promise.allSettled([remembered.get(), remembered.get()]);
  asked[0]?.reject(new Error("disk"));
  expect((await shared).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(remembered.isOld).toBe(true);
  const next = remembered.get();
  answer(2);
  expect([await next, asked.length]).toEqual([2, 2]);
});
