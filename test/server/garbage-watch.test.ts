import { expect, test } from "bun:test";
import { GarbageWatch } from "../../src/server/garbage-watch.ts";

/** A process that takes so much, of which so much is garbage. */
class FakeMemory {
  garbage = 0;
  used = 100;
  collected = 0;

  residentBytes(): number {
    return this.used + this.garbage;
  }

  collectGarbage(): void {
    this.collected++;
    this.garbage = 0;
  }
}

test("garbage is collected once more than is allowed has come together, and not before", () => {
  const memory = new FakeMemory();
  const watch = new GarbageWatch(memory, 10);
  memory.garbage = 10;
  watch.look();
  expect(memory.collected).toBe(0);
  memory.garbage = 11;
  watch.look();
  expect([memory.collected, memory.garbage]).toEqual([1, 0]);
});

test("what grows slowly is garbage, too: it is compared with the least that there was", () => {
  const memory = new FakeMemory();
  memory.garbage = 50;
  const watch = new GarbageWatch(memory, 10);
  memory.garbage = 2;
  while (memory.collected === 0 && memory.garbage < 50) {
    watch.look();
    memory.garbage += 2;
  }
  expect(memory.collected).toBe(1);
});

test("what is in use is left alone, however much it is, but for one more look at it", () => {
  const memory = new FakeMemory();
  const watch = new GarbageWatch(memory, 10);
  memory.used = 1_000;
  for (let look = 0; look < 20; look++) watch.look();
  expect(memory.collected).toBe(2);
});

test("what was in use when garbage was collected, and is no more, goes a little later", () => {
  const memory = new FakeMemory();
  const watch = new GarbageWatch(memory, 10);
  memory.used = 1_000;
  watch.look();
  memory.used = 100;
  memory.garbage = 900;
  for (let look = 0; look < 3; look++) watch.look();
  expect([memory.collected, memory.garbage]).toEqual([2, 0]);
});
