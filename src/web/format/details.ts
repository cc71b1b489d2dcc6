import { roundSize, roundTime } from "../../units.ts";

/**
 * What a row of the audit log says besides, for people: sizes and times in their units, and nothing that says nothing. The
 * API has the exact figures.
 */
export function formatDetails(details: Record<string, unknown>): [name: string, text: string][] {
  // In a change, empty is what something has become.
  const isChange = "before" in details;
  return Object.entries(details)
    .filter(([, value]) => isChange || (value !== null && value !== ""))
    .map(([name, value]) => formatDetail(name, value));
}

function formatDetail(name: string, value: unknown): [name: string, text: string] {
  const [, short, unit] = /^(.+)(Bytes|Ms)$/.exec(name) ?? [];
  if (short === undefined || (typeof value !== "number" && value !== null)) return [name, textOf(value)];
  if (value === null) return [short, textOf(value)];
  return [short, unit === "Bytes" ? roundSize(value) : roundTime(value)];
}

function textOf(value: unknown): string {
  if (value === null) return "none";
  if (value === "") return "empty";
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, each]) => formatDetail(name, each).join(" "))
    .join(", ");
}
