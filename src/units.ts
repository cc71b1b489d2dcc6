const sizeUnits = new Map([
  ["b", 1],
  ["k", 2 ** 10],
  ["m", 2 ** 20],
  ["g", 2 ** 30],
  ["t", 2 ** 40],
  ["p", 2 ** 50],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
  ["tib", 2 ** 40],
  ["pib", 2 ** 50],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["tb", 1e12],
  ["pb", 1e15],
]);

const timeUnits = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** From the smallest to the largest. */
const printedSizeUnits: readonly (readonly [string, number])[] = [
  "B",
  "KB",
  "KiB",
  "MB",
  "MiB",
  "GB",
  "GiB",
  "TB",
  "TiB",
  "PB",
  "PiB",
].map((unit) => [unit, sizeUnits.get(unit.toLowerCase()) as number]);

/**
 * Bytes of a size such as `20GiB`, `1.5 GB`, `500mb` or `512B`, or undefined if it is none. Only 0 may go without a unit.
 * `K`, `M`, `G`, `T` and `P` alone are powers of 1024. Always a safe integer, never negative.
 */
export function parseSize(text: string): number | undefined {
  if (text.trim() === "0") return 0;
  return parseQuantity(text, sizeUnits);
}

/** The text that `parseSize` turns into exactly these bytes, in the largest unit that divides them. Takes safe integers from 0. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes === 0) return "0B";
  return inLargestUnit(sizeBytes, printedSizeUnits);
}

/** For reading only: one decimal of the largest binary unit, such as `117.7MiB`. */
export function roundSize(sizeBytes: number): string {
  // 1023.96 of the smaller unit would be read as 1024 of it.
  const found = printedSizeUnits.findLast(
    ([unit, unitBytes]) => unit.endsWith("iB") && sizeBytes >= unitBytes - unitBytes / 1024 / 20,
  );
  if (!found) return `${sizeBytes}B`;
  const [unit, unitBytes] = found;
  return `${Number((sizeBytes / unitBytes).toFixed(1))}${unit}`;
}

/** For reading only: the two largest units, such as `3d 4h` or `12m 5s`; below a minute one, such as `4.2s` or `300ms`. */
export function roundTime(timeMs: number): string {
  if (timeMs < 1_000) return `${Math.round(timeMs)}ms`;
  if (timeMs < 60_000) return `${Math.floor(timeMs / 100) / 10}s`;
  const units = [...timeUnits].reverse();
  const at = units.findIndex(([, unitMs]) => timeMs >= unitMs);
  const [[unit, unitMs], [next, nextMs]] = units.slice(at, at + 2) as [[string, number], [string, number]];
  const rest = Math.floor((timeMs % unitMs) / nextMs);
  return `${Math.floor(timeMs / unitMs)}${unit}${rest === 0 ? "" : ` ${rest}${next}`}`;
}

/**
 * For reading only: a share from 0 to 1 with one decimal, such as `66.7%`. What is not all is never shown as all, nor what is
 * something as nothing.
 */
export function roundPercent(share: number): string {
  if (share <= 0) return "0%";
  if (share >= 1) return "100%";
  const percent = Math.min(Math.max(share * 100, 0.1), 99.9);
  return `${Number(percent.toFixed(1))}%`;
}

/**
 * Milliseconds of a time such as `30d`, `12h`, `5m`, `1.5s` or `250ms`, or undefined if it is none.
 * The unit may not be left out. Always a safe integer, never negative.
 */
export function parseTime(text: string): number | undefined {
  return parseQuantity(text, timeUnits);
}

/** The text that `parseTime` turns into exactly these milliseconds, in the largest unit that divides them. */
export function formatTime(timeMs: number): string {
  if (timeMs === 0) return "0s";
  return inLargestUnit(timeMs, [...timeUnits]);
}

/** `units` from the smallest, which is 1, to the largest. */
function inLargestUnit(quantity: number, units: readonly (readonly [string, number])[]): string {
  const [unit, factor] = units.findLast(([, factor]) => quantity % factor === 0) as readonly [string, number];
  return `${quantity / factor}${unit}`;
}

function parseQuantity(text: string, units: Map<string, number>): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const factor = units.get(unit.toLowerCase());
  if (factor === undefined) return undefined;

  // Half a kilobyte is a number of bytes; half a byte is a mistake.
  const amount = Number(digits);
  if (factor === 1 && !Number.isInteger(amount)) return undefined;
  const quantity = Math.round(amount * factor);
  return Number.isSafeInteger(quantity) ? quantity : undefined;
}
