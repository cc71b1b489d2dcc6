import { Refusal } from "../refusal.ts";

/** @throws Refusal `bad_request` for a name that would spoil a table or a log line. */
export function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (name.length >= 1 && name.length <= 100 && !/[\u0000-\u001f\u007f]/.test(name)) return;
  throw new Refusal("bad_request", "A name has 1 to 100 characters, none of them a control character.");
}
