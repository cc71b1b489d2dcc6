import { expect, test } from "bun:test";
import { Refusal } from "../../src/refusal.ts";
import { ProviderLimiter } from "../../src/sign-in/provider-limiter.ts";

/** How many of `count` are let in, and how many seconds the last one that is not has to wait. */
function take(limiter: ProviderLimiter, count: number, address: (index: number) => string, now = 0) {
  let letIn = 0;
  let seconds: number | undefined;
  for (let index = 0; index < count; index++) {
    try {
      limiter.take(address(index), now);
      letIn++;
    } catch (error) {
      seconds = (error as Refusal).retryAfterSeconds;
      expect(error).toBeInstanceOf(Refusal);
    }
  }
  return { letIn, seconds };
}

const home = () => "192.0.2.1";

test("one place gets thirty at once, then one every two seconds, and others do not wait with it", () => {
  const limiter = new ProviderLimiter();
  expect(take(limiter, 300, home)).toEqual({ letIn: 30, seconds: 2 });
  expect(take(limiter, 1, () => "192.0.2.2").letIn).toBe(1);
  expect(take(limiter, 300, home, 2_000)).toEqual({ letIn: 1, seconds: 2 });
  expect(take(limiter, 300, home, 62_000).letIn).toBe(30);
});

test("the addresses of one customer are one place", () => {
  const limiter = new ProviderLimiter();
  expect(take(limiter, 300, (index) => `2001:db8:1:2::${index.toString(16)}`).letIn).toBe(30);
});

test("many places together get 240 in a minute", () => {
  const limiter = new ProviderLimiter();
  expect(take(limiter, 1_000, (index) => `10.0.${index >> 8}.${index & 255}`)).toEqual({
    letIn: 240,
    seconds: 1,
  });
  expect(take(limiter, 1_000, (index) => `10.1.${index >> 8}.${index & 255}`, 30_000).letIn).toBe(120);
});
