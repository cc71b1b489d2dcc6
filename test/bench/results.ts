/** Of durations and memory less is better, of the others more. */
export type Unit = "requests/s" | "MiB/s" | "s" | "ms" | "MiB";

export interface Measurement {
  /** In the case's unit. */
  value: number;
  p50Ms?: number;
  p99Ms?: number;
  /** How much of its processor the server used, from 0 to 1. At 1 it was the limit, and not what put load on it. */
  processorShare?: number;
  /** How much of a processor everything else used meanwhile, from 0 to their number. Where that is much, the figure says little. */
  othersShare?: number;
}

export interface ServerResult {
  server: string;
  isLarder: boolean;
  /** The median of each figure over the rounds. Missing when it could not be measured. */
  median?: Measurement;
  rounds: Measurement[];
  /** The most that it held in any round, its children included. */
  peakMemoryBytes?: number;
  /** Why there is nothing, or something to know about the figure. */
  note?: string;
}

/** One row of the comparison: the same done to every server. */
export interface CaseResult {
  scenario: string;
  name: string;
  unit: Unit;
  servers: ServerResult[];
}

export function isLessBetter(unit: Unit): boolean {
  return unit === "s" || unit === "ms" || unit === "MiB";
}

/** How many times better `ours` is than `theirs`. */
export function timesBetter(unit: Unit, ours: number, theirs: number): number {
  return isLessBetter(unit) ? theirs / ours : ours / theirs;
}

export function medianOf(rounds: Measurement[]): Measurement | undefined {
  const value = median(rounds.map((round) => round.value));
  if (value === undefined) return undefined;
  const merged: Measurement = { value };
  for (const key of ["p50Ms", "p99Ms", "processorShare", "othersShare"] as const) {
    const known = rounds.map((round) => round[key]).filter((figure) => figure !== undefined);
    const figure = median(known);
    if (figure !== undefined) merged[key] = figure;
  }
  return merged;
}

export function median(figures: number[]): number | undefined {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] as number) + upper) / 2;
}
