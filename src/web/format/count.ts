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

/** A share from 0 to 1, with one decimal. What is not all is never shown as all, nor what is something as nothing. */
export function formatPercent(share: number): string {
  if (share <= 0) return "0%";
  if (share >= 1) return "100%";
  const percent = Math.min(Math.max(share * 100, 0.1), 99.9);
  return `${percent.toFixed(1).replace(/\.0$/, "")}%`;
}
