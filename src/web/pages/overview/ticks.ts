export type Quantity = "count" | "size" | "duration";

const durationStepsMs = [
  1, 10, 100, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
  1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 432_000_000,
];
const dayMs = 86_400_000;
const maxSteps = 4;

/** Where the lines of a chart stand: round numbers of the quantity from 0 on, few of them, the last not below `max`. */
export function ticks(max: number, quantity: Quantity): number[] {
  if (max <= 0) return [0];
  const step = stepFor(max / maxSteps, quantity);
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, index) => index * step);
}

function stepFor(atLeast: number, quantity: Quantity): number {
  if (quantity === "duration") {
    const found = durationStepsMs.find((step) => step >= atLeast);
    // Beyond that days are counted as other things are.
    return found ?? decimalStep(atLeast / dayMs) * dayMs;
  }
  if (quantity === "size") return 2 ** Math.max(0, Math.ceil(Math.log2(atLeast)));
  return Math.max(1, decimalStep(atLeast));
}

/** 1, 2 or 5 times a power of ten. */
function decimalStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10) * power;
}
