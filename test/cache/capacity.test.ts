import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Capacity, type CapacityOptions, type Reservation } from "../../src/cache/capacity.ts";

const plenty = Number.MAX_SAFE_INTEGER;

function openCapacity(options: Partial<CapacityOptions> = {}): Capacity {
  return new Capacity({
    maxSizeBytes: 100,
    minFreeBytes: 0,
    storedBytes: 0,
    freeBytes: async () => plenty,
    patienceMs: 0,
    ...options,
  });
}

/** The code of the refusal, or undefined if there was none. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error) => error.code,
  );
}

/** One upload: how much it announces, how much of that is reserved first, the steps in which more comes, and what stays. */
const upload = fc.record({
  announced: fc.integer({ min: 0, max: 60 }),
  first: fc.integer({ min: 0, max: 60 }),
  steps: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 }),
  isKept: fc.boolean(),
});

describe("capacity", () => {
  test("never lets what is stored and reserved exceed the limit, whoever comes when, and its books end exact", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(upload, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 40 }),
        async (scheduler, uploads, storedBytes, evictedAtOnce) => {
          const capacity = openCapacity({ storedBytes, patienceMs: 1 });
          let stored = storedBytes;
          const holds = () => {
            expect(capacity.storedBytes + capacity.reservedBytes).toBeLessThanOrEqual(100);
            expect(capacity.reservedBytes).toBeGreaterThanOrEqual(0);
          };
          capacity.makeRoom = async () => {
            await scheduler.schedule(Promise.resolve(), "evict");
            const gone = Math.min(stored, evictedAtOnce);
            stored -= gone;
            capacity.add(-gone);
          };
          const run = async ({ announced, first, steps, isKept }: (typeof uploads)[number]) => {
            let reservation: Reservation | undefined;
            let size = announced;
            try {
              reservation = await capacity.reserve(Math.min(first, announced), announced);
              holds();
              await reservation.cover(announced);
              holds();
              reservation.wrote(announced);
              for (const step of steps) {
                await scheduler.schedule(Promise.resolve(), "more comes");
                await reservation.cover(size + step);
                size += step;
                reservation.wrote(step);
                holds();
              }
              stored += isKept ? size : 0;
              reservation.settle(isKept ? size : 0);
            } catch (error) {
              expect(error).toMatchObject({ name: "Refusal", code: "no_space" });
              reservation?.settle(0);
            }
            holds();
          };
          await scheduler.waitFor(Promise.all(uploads.map(run)));
          expect([capacity.storedBytes, capacity.reservedBytes]).toEqual([stored, 0]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("reserves the whole limit and not a byte more", async () => {
    const capacity = openCapacity({ storedBytes: 40 });
    const first = await capacity.reserve(60);
    expect(await refusalOf(capacity.reserve(1))).toBe("no_space");
    first.settle(60);
    expect(await refusalOf(capacity.reserve(1))).toBe("no_space");
    capacity.add(-1);
    expect(await refusalOf(capacity.reserve(1))).toBeUndefined();
  });

  test("counts what was covered, not what it was covered with, and covers nothing twice", async () => {
    const capacity = openCapacity();
    const reservation = await capacity.reserve(10);
    for (const size of [5, 30, 30, 20]) await reservation.cover(size);
    expect(capacity.reservedBytes).toBe(30);
    reservation.settle(25);
    expect([capacity.storedBytes, capacity.reservedBytes]).toEqual([25, 0]);
  });

  test("refuses at once what could never fit, also what grows to it, and asks nobody to make room for it", async () => {
    const capacity = openCapacity({ patienceMs: 60_000 });
    capacity.makeRoom = () => expect.unreachable();
    expect(await refusalOf(capacity.reserve(101))).toBe("no_space");
    const reservation = await capacity.reserve(90);
    expect(await refusalOf(reservation.cover(101))).toBe("no_space");
    expect(capacity.reservedBytes).toBe(90);
  });

  test("promises what is announced without making anything go for it, and keeps each promise", async () => {
    const capacity = openCapacity({ storedBytes: 90, patienceMs: 60_000 });
    const asked: number[] = [];
    capacity.makeRoom = async () => {
      const gone = Math.min(capacity.excessBytes(), capacity.storedBytes);
      asked.push(gone);
      capacity.add(-gone);
    };
    const first = await capacity.reserve(5, 60);
    const second = await capacity.reserve(5, 40);
    expect([asked, capacity.reservedBytes]).toEqual([[], 10]);
    // All is promised. What never fits is refused, and what will fit waits for one of them.
    expect(await refusalOf(capacity.reserve(0, 101))).toBe("no_space");
    const third = capacity.reserve(0, 1);
    await Promise.all([first.cover(60), second.cover(40)]);
    expect([capacity.storedBytes, capacity.reservedBytes]).toEqual([0, 100]);
    expect(asked.reduce((sum, one) => sum + one)).toBe(90);
    expect(Bun.peek.status(third)).toBe("pending");
    second.settle(0);
    first.settle(60);
    (await third).settle(0);
    expect([capacity.storedBytes, capacity.reservedBytes]).toEqual([60, 0]);
    expect(await refusalOf(capacity.reserve(0, 100))).toBeUndefined();
  });

  test("asks nobody to make room for what only the end of another upload makes room for", async () => {
    const capacity = openCapacity({ storedBytes: 50, patienceMs: 30 });
    capacity.makeRoom = () => expect.unreachable();
    await capacity.reserve(1, 60);
    expect(await refusalOf(capacity.reserve(1, 60))).toBe("no_space");
    expect(capacity.excessBytes()).toBe(0);
  });

  test("waits for room that eviction makes, and for that of an upload that ends", async () => {
    const capacity = openCapacity({ storedBytes: 50, patienceMs: 60_000 });
    const asked: number[] = [];
    const other = await capacity.reserve(40);
    capacity.makeRoom = async () => {
      asked.push(capacity.excessBytes());
      if (asked.length === 1) capacity.add(-20);
      if (asked.length === 2) other.settle(0);
    };
    const reservation = await capacity.reserve(60);
    // Down to the low mark: what is stored (50, then 30), reserved (40) and waiting (60) is to be 90.
    expect(asked).toEqual([60, 40]);
    expect([capacity.storedBytes, capacity.reservedBytes]).toEqual([30, 60]);
    reservation.settle(60);
  });

  test("gives up when its patience is over, says when to come again, and holds nothing", async () => {
    const capacity = openCapacity({ storedBytes: 100, patienceMs: 30 });
    let asked = 0;
    capacity.makeRoom = async () => void asked++;
    const startedAt = performance.now();
    const refused = await capacity.reserve(1).catch((error) => error);
    expect(refused).toMatchObject({ code: "no_space", retryAfterSeconds: expect.any(Number) });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30);
    expect(asked).toBeGreaterThan(0);
    expect(capacity.reservedBytes).toBe(0);
  });

  test("has no limit where none is set", async () => {
    const capacity = openCapacity({ maxSizeBytes: undefined, storedBytes: 10 ** 12 });
    expect(await refusalOf(capacity.reserve(10 ** 12))).toBeUndefined();
    expect(capacity.excessBytes()).toBe(0);
  });

  test("asks for room above the high mark, and for enough to get to the low one", () => {
    const capacity = openCapacity({ maxSizeBytes: 1000, storedBytes: 950 });
    expect(capacity.excessBytes()).toBe(0);
    capacity.add(1);
    expect(capacity.excessBytes()).toBe(51);
  });

  test("asks for room for all who wait at once, and no longer than they do", async () => {
    const capacity = openCapacity({ storedBytes: 90, patienceMs: 60_000 });
    const asked: number[] = [];
    capacity.makeRoom = async () => {
      asked.push(capacity.excessBytes());
      if (asked.length === 2) capacity.add(-90);
    };
    const both = await Promise.all([capacity.reserve(20), capacity.reserve(30)]);
    expect(asked).toEqual([20, 50]);
    for (const reservation of both) reservation.settle(0);
    expect(capacity.excessBytes()).toBe(0);
  });
});

describe("what has to stay free", () => {
  test("stays free however uploads interleave, and whatever of them was written when the disk was asked", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(upload, { minLength: 1, maxLength: 8 }),
        async (scheduler, uploads) => {
          let free = 150;
          const minFreeBytes = 50;
          const capacity = openCapacity({
            maxSizeBytes: undefined,
            minFreeBytes,
            freeBytes: () => scheduler.schedule(Promise.resolve(free), "disk"),
          });
          const run = async ({ announced, steps, isKept }: (typeof uploads)[number]) => {
            let reservation: Reservation | undefined;
            let size = 0;
            const write = async (sizeBytes: number) => {
              await reservation?.cover(size + sizeBytes);
              size += sizeBytes;
              reservation?.wrote(sizeBytes);
              free -= sizeBytes;
              expect(free).toBeGreaterThanOrEqual(minFreeBytes);
              await scheduler.schedule(Promise.resolve(), "written");
            };
            try {
              reservation = await capacity.reserve(announced);
              for (const step of [announced, ...steps]) await write(step);
              if (!isKept) free += size;
              reservation.settle(isKept ? size : 0);
            } catch (error) {
              expect(error).toMatchObject({ name: "Refusal", code: "no_space" });
              free += size;
              reservation?.settle(0);
            }
          };
          await scheduler.waitFor(Promise.all(uploads.map(run)));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("is not counted again for bytes that are on the disk already", async () => {
    const { capacity, disk } = openDisk({ freeBytes: 200, minFreeBytes: 50 });
    const first = await capacity.reserve(100);
    disk.write(first, 100);
    // 100 are free now, 50 of which may be used; nothing of the first one is outstanding.
    expect(await refusalOf(capacity.reserve(50))).toBeUndefined();
    expect(await refusalOf(capacity.reserve(1))).toBe("no_space");
  });

  test("is read again before anybody is refused, so that room that somebody else makes is seen at once", async () => {
    const { capacity, disk } = openDisk({ freeBytes: 49, minFreeBytes: 50 });
    expect(await refusalOf(capacity.check())).toBe("no_space");
    disk.freeBytes = 500;
    expect(await refusalOf(capacity.check())).toBeUndefined();
    disk.freeBytes = 49;
    while ((await refusalOf(capacity.reserve(1))) === undefined) await Bun.sleep(5);
    disk.freeBytes = 500;
    expect(await refusalOf(capacity.reserve(100))).toBeUndefined();
  });

  test("is read again after a moment, so that room that somebody else takes is seen", async () => {
    const { capacity, disk } = openDisk({ freeBytes: 500, minFreeBytes: 50 });
    expect(await refusalOf(capacity.check())).toBeUndefined();
    disk.freeBytes = 49;
    while ((await refusalOf(capacity.check())) === undefined) await Bun.sleep(5);
    expect(await refusalOf(capacity.reserve(1))).toBe("no_space");
  });

  test("is named in the refusal, with what is there", async () => {
    const { capacity } = openDisk({ freeBytes: 60, minFreeBytes: 50 });
    const refused = await capacity.reserve(11).catch((error) => error);
    expect(refused.message).toMatch(/60 bytes free.* 50 .*minFree/);
    expect(await refusalOf(capacity.reserve(10))).toBeUndefined();
  });
});

/** A capacity without a limit of its own, on a disk of so much. */
function openDisk({ freeBytes, minFreeBytes }: { freeBytes: number; minFreeBytes: number }) {
  const disk = {
    freeBytes,
    write(reservation: Reservation, sizeBytes: number) {
      reservation.wrote(sizeBytes);
      disk.freeBytes -= sizeBytes;
    },
  };
  const capacity = openCapacity({
    maxSizeBytes: undefined,
    minFreeBytes,
    freeBytes: async () => disk.freeBytes,
  });
  return { capacity, disk };
}
