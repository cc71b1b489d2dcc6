import { Refusal } from "../refusal.ts";
import { withoutSecrets } from "../without-secrets.ts";

/** Control, format and separator characters, which could pass for other text in a table or a log. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;

const maxLength = 100;

/** A name made of what somebody else chose to say, such as a program of the client's machine. */
export function asName(text: string, whenBlank: string): string {
  const name = withoutSecrets(text).slice(0, maxLength).replace(new RegExp(unprintable, "gu"), "?").trim();
  return name === "" ? whenBlank : name;
}

/** @throws Refusal `bad_request` for a name that would spoil a table or a log line, or tell a secret. */
export function checkName(name: string): void {
  if (name !== withoutSecrets(name))
    throw new Refusal("bad_request", "A name is for everybody to read, and this one holds a secret.");
  if (name.length <= maxLength && name.trim() !== "" && !unprintable.test(name)) return;
  throw new Refusal(
    "bad_request",
    `A name has 1 to ${maxLength} characters, all of them printable and not all of them blank.`,
  );
}
