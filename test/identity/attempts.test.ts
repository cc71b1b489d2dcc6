import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Attempts, placeOf } from "../../src/identity/attempts.ts";
import { Refusal } from "../../src/refusal.ts";

const email = "ann@example.org";
const home = "192.0.2.1";
const minute = 60_000;

/** How long the next attempt has to wait, in seconds; 0 if it may come now, and is then made, and fails. */
function fail(attempts: Attempts, now: number, account = email, address: string | null = home): number {
  try {
    attempts.begin(account, address, now)[Symbol.dispose]();
    return 0;
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Refusal).code).toBe("too_many_requests");
    return (error as Refusal).retryAfterSeconds as number;
  }
}

function succeed(attempts: Attempts): void {
  using attempt = attempts.begin(email, home, 0);
  attempt.succeeded();
}

function address(index: number): string {
  return `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
}

describe("failures at one account from one place", () => {
  test("may come as they like first, and then wait twice as long each time, up to a minute", () => {
    const attempts = new Attempts();
    const waits = [];
    let now = 0;
    for (let count = 0; count < 14; count++) {
      const seconds = fail(attempts, now);
      waits.push(seconds);
      if (seconds === 0) continue;
      // It is told truthfully how long.
      expect(fail(attempts, now + seconds * 1000 - 1)).toBe(1);
      now += seconds * 1000;
      expect(fail(attempts, now)).toBe(0);
    }
    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });

  test("count also when they are made at once", () => {
    const attempts = new Attempts();
    const allowed = Array.from({ length: 50 }, () => fail(attempts, 0)).filter((wait) => wait === 0);
    expect(allowed).toHaveLength(4);
  });

  test("are forgotten after a success, and after a quarter of an hour", () => {
    const attempts = new Attempts();
    for (let count = 0; count < 3; count++) fail(attempts, 0);
    succeed(attempts);
    for (let count = 0; count < 4; count++) expect(fail(attempts, 0)).toBe(0);
    expect(fail(attempts, 0)).toBe(1);
    for (let count = 0; count < 4; count++) expect(fail(attempts, 15 * minute)).toBe(0);
  });

  test("do not count when they came to nothing", () => {
    const attempts = new Attempts();
    for (let count = 0; count < 20; count++) {
      using attempt = attempts.begin(email, home, 0);
      attempt.takeBack();
    }
    expect(fail(attempts, 0)).toBe(0);
  });

  test("count also when another one succeeds while they are under way", () => {
    const attempts = new Attempts();
    for (let count = 0; count < 3; count++) {
      using guess = attempts.begin(email, home, 0);
      succeed(attempts);
      expect(guess).toBeDefined();
    }
    // Each success has forgotten the guess before it, which was over, and not the one that ran beside it.
    for (let count = 0; count < 3; count++) expect(fail(attempts, 0)).toBe(0);
    expect(fail(attempts, 0)).toBe(1);
  });

  test("are the same ones in whatever case the address is written", () => {
    const attempts = new Attempts();
    for (const one of ["ann@example.org", "ANN@example.org", "Ann@Example.Org", "aNN@example.org"])
      fail(attempts, 0, one);
    expect(fail(attempts, 0)).toBe(1);
  });
});

describe("many places that try one account", () => {
  test("wait, but a place where its owner has signed in before does not wait with them", () => {
    const attempts = new Attempts();
    succeed(attempts);
    for (let index = 0; index < 30; index++) expect(fail(attempts, 0, email, address(index))).toBe(0);
    expect(fail(attempts, 0, email, address(31))).toBeGreaterThan(0);
    expect(fail(attempts, 0, email, home)).toBe(0);
    // Other accounts have nothing to do with it.
    expect(fail(attempts, 0, "bob@example.org", address(32))).toBe(0);
  });

  test("make nobody else wait for more than ten seconds", () => {
    const attempts = new Attempts();
    let now = 0;
    for (let index = 0; index < 100; index++) {
      const seconds = fail(attempts, now, email, address(index));
      expect(seconds).toBeLessThanOrEqual(10);
      now += seconds * 1000;
      if (seconds > 0) expect(fail(attempts, now, email, address(index))).toBe(0);
    }
  });
});

test("one place that tries many accounts waits, up to twenty seconds, and others do not", () => {
  const attempts = new Attempts();
  let now = 0;
  let longest = 0;
  for (let index = 0; index < 100; index++) {
    const seconds = fail(attempts, now, `user${index}@example.org`);
    longest = Math.max(longest, seconds);
    now += seconds * 1000;
    if (seconds > 0) fail(attempts, now, `user${index}@example.org`);
  }
  expect(longest).toBe(20);
  expect(fail(attempts, now, "other@example.org", "192.0.2.2")).toBe(0);
});

/** How many more of such attempts can be under way. */
function roomFor(attempts: Attempts, who: (index: number) => [account: string, place: string]): number {
  using under = new DisposableStack();
  for (let count = 0; ; count++) {
    try {
      under.use(attempts.begin(...who(count), 0));
    } catch (error) {
      expect((error as Refusal).retryAfterSeconds).toBe(1);
      return count;
    }
  }
}

describe("of attempts under way at once, right or wrong, there are", () => {
  test.each([
    ["two at one account from one place", 2, () => [email, home]],
    ["ten at one account", 10, (index) => [email, address(index)]],
    ["ten from one place", 10, (index) => [`user${index}@example.org`, home]],
  ] satisfies [string, number, (index: number) => [string, string]][])("%s", (_, count, who) => {
    const attempts = new Attempts();
    {
      using under = new DisposableStack();
      for (let index = 0; index < count; index++) under.use(attempts.begin(...who(index), 0));
      expect(roomFor(attempts, (index) => who(count + index))).toBe(0);
      // They hinder nobody else, and none once they are over.
      expect(roomFor(attempts, () => ["bob@example.org", "192.0.2.2"])).toBe(2);
    }
    attempts.begin(...who(0), 0)[Symbol.dispose]();
  });
});

test("nobody ever waits for more than a minute, nor for longer than was said", () => {
  const tried = fc.record({
    afterMs: fc.integer({ min: 0, max: 100_000 }),
    who: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(tried, { maxLength: 60 }), (tries) => {
      const attempts = new Attempts();
      let now = 0;
      for (const { afterMs, who } of tries) {
        now += afterMs;
        const again = () => fail(attempts, now, `user${who % 2}@example.org`, address(who));
        const seconds = again();
        expect(seconds).toBeLessThanOrEqual(60);
        if (seconds === 0) continue;
        now += seconds * 1000;
        expect(again()).toBe(0);
      }
    }),
  );
});

test("memory stays bounded, however many try", () => {
  const attempts = new Attempts();
  for (let count = 0; count < 4; count++) fail(attempts, 0);
  for (let index = 0; index < 10_001; index++) fail(attempts, 0, `user${index}@example.org`, address(index));
  // What was longest ago is forgotten.
  expect(fail(attempts, 0)).toBe(0);
});

describe("a place", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:0DB8:1:2::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
  ])("of %s is %s", (address, place) => {
    expect(placeOf(address)).toBe(place);
  });

  test("that is not known is one place", () => {
    expect(placeOf(null)).toBe("");
  });

  test("of an IPv6 address is its first half, however it is written", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (a, b) => {
        // Those with a dotted end mean the same address in other words.
        fc.pre(!a.includes(".") && !b.includes("."));
        const canonical = (address: string) => new URL(`http://[${address}]`).hostname.slice(1, -1);
        expect(placeOf(canonical(a))).toBe(placeOf(a));
        expect(placeOf(a).split(":")).toHaveLength(4);
      }),
    );
  });
});
