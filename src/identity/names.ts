import { Refusal } from "../refusal.ts";

/** Control, format and separator characters, which could pass for other text in a table or a log. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;

/** @throws Refusal `bad_request` for a name that would spoil a table or a log line. */
export function checkName(name: string): void {
  if (name.length <= 100 && name.trim() !== "" && !unprintable.test(name)) return;
  throw new Refusal(
    "bad_request",
    "A name has 1 to 100 characters, all of them printable and not all of them blank.",
  );
}
