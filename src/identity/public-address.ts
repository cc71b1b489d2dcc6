import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** Tells the addresses of a host's name. */
export type Resolve = (hostname: string) => Promise<string[]>;

export async function resolveAddresses(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/** What IANA's registries of special-purpose addresses (RFC 6890) do not give to the public internet. */
const special = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  special.addSubnet(network, prefix, "ipv4");
// Within 2000::/3: special ones, and those that hold an IPv4 address, which may be any.
for (const [network, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  special.addSubnet(network, prefix, "ipv6");

const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");

/** Whether an address is one of the public internet, and not of this machine or the network that it is in. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !special.check(address, "ipv4");
  return version === 6 && globalUnicast.check(address, "ipv6") && !special.check(address, "ipv6");
}

/** The host of a URL, if it is an address and no name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const literal = hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(literal) ? literal : undefined;
}

/**
 * The host's addresses, if all of them are public.
 * @returns undefined where one of them is not, or there is none.
 */
export async function publicAddresses(url: URL, resolve: Resolve): Promise<string[] | undefined> {
  const literal = literalAddress(url);
  const addresses = literal === undefined ? await resolve(url.hostname) : [literal];
  return addresses.length > 0 && addresses.every(isPublicAddress) ? addresses : undefined;
}
