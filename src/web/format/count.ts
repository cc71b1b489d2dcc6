const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A number of things: `12,345`, and `1.2M` where all digits would be noise. */
export function formatCount(count: number): string {
  return Math.abs(count) < 1_000_000 ? whole.format(count) : compact.format(count);
}

/** A number with all its digits. */
export function formatExactCount(count: number): string {
  return whole.format(count);
}

/** `1 artifact`, `2 artifacts`. */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
