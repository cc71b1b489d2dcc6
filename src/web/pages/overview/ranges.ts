/** The spans of time that an overview can be of. */
export const ranges = [
  { age: "24h", title: "24 hours" },
  { age: "7d", title: "7 days" },
  { age: "30d", title: "30 days" },
  { age: "90d", title: "90 days" },
  { age: "365d", title: "365 days" },
] as const;

export type Range = (typeof ranges)[number];

export const defaultAge = "7d";

/** The range that the address names, or else the usual one. */
export function rangeOf(age: string | null): Range {
  return ranges.find((range) => range.age === age) ?? ranges[1];
}
