import { Refusal } from "../refusal.ts";

const pattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What is shown in place of the empty scope, and so the name of no other: untrusted work must not pass for trusted. */
export const trustedWord = "trusted";

/** A scope is a label such as `pr-123`; the empty one is that of trusted work. @throws Refusal `bad_request`. */
export function checkScope(scope: string): void {
  if (scope === trustedWord)
    throw new Refusal(
      "bad_request",
      `No scope is called "${trustedWord}": leave the scope out for trusted work, or choose another name.`,
    );
  if (scope === "" || pattern.test(scope)) return;
  throw new Refusal(
    "bad_request",
    "A scope has 1 to 100 letters, digits, dots, - and _, and begins with a letter or digit, such as pr-123.",
  );
}
