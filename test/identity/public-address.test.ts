import { expect, test } from "bun:test";
import { isPublicAddress, publicAddresses } from "../../src/identity/public-address.ts";

test.each([
  "8.8.8.8",
  "140.82.112.3",
  "172.32.0.1",
  "100.128.0.1",
  "2606:4700::1111",
  "2a00:1450:4001::200e",
])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test.each([
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fe80::1%eth0",
  "ff02::1",
  "2002:7f00:1::",
  "2001:0:7f00:1::",
  "2001:db8::1",
  "localhost",
  "",
])("%s is not public", (address) => expect(isPublicAddress(address)).toBe(false));

test("a host counts only with public addresses, whatever way they are written", async () => {
  const of = (url: string, addresses: string[]) => publicAddresses(new URL(url), async () => addresses);
  expect(await of("https://a.example", ["8.8.8.8", "2606:4700::1111"])).toEqual([
    "8.8.8.8",
    "2606:4700::1111",
  ]);
  expect(await of("https://a.example", ["8.8.8.8", "10.0.0.1"])).toBeUndefined();
  expect(await of("https://a.example", [])).toBeUndefined();
  for (const host of ["2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "127.0.0.1"])
    expect(await of(`https://${host}`, ["8.8.8.8"])).toBeUndefined();
});
