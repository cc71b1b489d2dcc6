import { printable } from "./printable.ts";

/** A value as JSON for scripts, and for terminals, which must not obey what somebody else wrote into it. */
export function jsonText(value: unknown): string {
  return `${printable(JSON.stringify(value, null, 2))}\n`;
}
