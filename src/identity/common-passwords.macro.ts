import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Well above the 3,000 of OWASP ASVS 5.0, 6.2.4. */
const kept = 10_000;

/**
 * The passwords that people choose most, in lower case, most common first, of as many characters as ours have at least. Read
 * when the program is bundled.
 */
export function readCommonPasswords(minLength: number): string[] {
  const file = join(import.meta.dir, "../../node_modules/@zxcvbn-ts/language-common/src/passwords.json");
  const all = JSON.parse(readFileSync(file, "utf8")) as string[];
  return all.filter((password) => password.length >= minLength).slice(0, kept);
}
