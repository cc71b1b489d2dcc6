import { expect, test } from "bun:test";
import { Turns } from "../../src/http/turns.ts";
import type { Refusal } from "../../src/refusal.ts";

/** Work that goes on until it is told to end. */
function openWork() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { work: () => promise, end: resolve };
}

test("of one owner only some are at work, the others follow in their order, and another owner's do not wait", async () => {
  const turns = new Turns({ atOnce: 2, maxWaiting: 10, maxWaitMs: 60_000 });
  const [first, second] = [openWork(), openWork()];
  const begun: string[] = [];
  const all = [turns.take("ann", first.work), turns.take("ann", second.work)];
  for (const name of ["third", "fourth"])
    all.push(
      turns.take("ann", async () => {
        begun.push(name);
        return name;
      }),
    );
  expect(await turns.take("bob", async () => "bob's")).toBe("bob's");
  expect(begun).toEqual([]);
  second.end("second");
  await all[3];
  expect(begun).toEqual(["third", "fourth"]);
  first.end("first");
  expect(await Promise.all(all)).toEqual(["first", "second", "third", "fourth"]);
});

test("one more than may wait is refused at once, and its place is free again when somebody had his turn", async () => {
  const turns = new Turns({ atOnce: 1, maxWaiting: 1, maxWaitMs: 60_000 });
  const first = openWork();
  const taken = turns.take("ann", first.work);
  const waits = turns.take("ann", async () => "waited");
  const refused: Refusal = await turns.take("ann", async () => "too many").catch((error) => error);
  expect([refused.code, refused.retryAfterSeconds]).toEqual(["too_many_requests", 1]);
  first.end("first");
  expect(await Promise.all([taken, waits])).toEqual(["first", "waited"]);
  expect(await turns.take("ann", async () => "later")).toBe("later");
});

test("whoever waits too long is refused, does nothing later, and takes no place from those who come", async () => {
  const turns = new Turns({ atOnce: 1, maxWaiting: 1, maxWaitMs: 5 });
  const first = openWork();
  const taken = turns.take("ann", first.work);
  let isDone = false;
  const late: Refusal = await turns.take("ann", async () => (isDone = true)).catch((error) => error);
  expect(late.code).toBe("unavailable");
  first.end("first");
  await taken;
  expect(await turns.take("ann", async () => "next")).toBe("next");
  expect(isDone).toBe(false);
});
