import { Refusal } from "../refusal.ts";

/**
 * None is longer (RFC 5321, 4.5.3.1), and there is nothing in it that a table or a header would obey. ASCII only: in Unicode
 * one address may be written in several ways, and what one system takes for two another takes for one. Domains have a form in
 * ASCII (RFC 5890), which is what browsers send.
 */
const emailPattern = /^(?=[!-~]*$)[^@<>"'`&]{1,64}@[^@<>"'`&]{1,189}$/;

/** @throws Refusal `bad_request`. */
export function checkEmail(email: string): void {
  if (isEmail(email)) return;
  throw new Refusal(
    "bad_request",
    /[^\0-~]/.test(email)
      ? "An e-mail address may hold only letters without accents, digits and signs (ASCII). Write such a domain as xn--…."
      : "This is no e-mail address. It looks like ann@example.org.",
  );
}

export function isEmail(text: string): boolean {
  return emailPattern.test(text);
}

/**
 * The one form in which an address is stored and compared. Anything else comes back as it is but for A to Z, so it equals no
 * address: `toLowerCase` would make the k of an address from U+212A, the sign for kelvin.
 */
export function normalEmail(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
