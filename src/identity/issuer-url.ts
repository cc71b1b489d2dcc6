import { Refusal } from "../refusal.ts";
import { isPublicAddress, literalAddress } from "./public-address.ts";

/**
 * OpenID Connect Discovery 1.0, 3: an https URL without query or fragment. Without TLS only this very machine is safe.
 * @throws Refusal `bad_request`.
 */
export function checkIssuer(issuer: string): void {
  const url = URL.parse(issuer);
  const isPlain = url && issuer.length <= 500 && !/[\s?#@\\]/.test(issuer);
  if (isPlain && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url)))) return;
  throw new Refusal(
    "bad_request",
    "An issuer is an https URL without query or fragment, as it stands in the job's token, such as https://gitlab.com.",
  );
}

/**
 * For those who do not look after the server. Where a name leads is looked at whenever it is asked.
 * @throws Refusal `bad_request`.
 */
export function checkPublicIssuer(issuer: string): void {
  const url = new URL(issuer);
  const address = literalAddress(url);
  const isInside = address === undefined ? isLocalhost(url) : !isPublicAddress(address);
  if (url.protocol === "https:" && !isInside) return;
  throw new Refusal(
    "bad_request",
    "An issuer is an https URL. One without TLS, or inside the network, an administrator of the server may name.",
  );
}

/** RFC 6761, 6.3: the name and all below it, also with the dot that ends a name. */
function isLocalhost({ hostname }: URL): boolean {
  return /(^|\.)localhost\.?$/.test(hostname);
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
