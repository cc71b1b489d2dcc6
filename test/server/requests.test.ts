import { expect, test } from "bun:test";
import { Requests } from "../../src/server/requests.ts";

const from = (forwarded: string) =>
  new Request("http://larder.test/", { headers: { "x-forwarded-for": forwarded } });

test.each([
  [0, "192.0.2.1", null],
  [1, "192.0.2.1", "192.0.2.1"],
  [1, "made-up, 192.0.2.1", "192.0.2.1"],
  [2, "203.0.113.9, 192.0.2.1, 198.51.100.7", "192.0.2.1"],
  [1, "2001:db8::1", "2001:db8::1"],
  [1, "no address", null],
  [1, "fe80::1%any text at all", null],
  [1, "fe80::1%eth0", null],
  [3, "192.0.2.1", null],
] as const)("behind %i proxies, X-Forwarded-For %p tells the address %p", (hops, forwarded, address) => {
  expect(new Requests(hops).addressOf(from(forwarded))).toBe(address);
});
