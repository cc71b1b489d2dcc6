const units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/** Bytes for reading, with three digits at most: `3.2 GB`. Takes negative ones, too, as for a change. */
export function formatSize(sizeBytes: number): string {
  let value = Math.abs(sizeBytes);
  let unit = 0;
  // 999.7 would be shown as 1000 of the smaller unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  const text = value.toFixed(digits).replace(/\.0$/, "");
  return `${sizeBytes < 0 && Number(text) !== 0 ? "−" : ""}${text} ${units[unit]}`;
}

const powers: Record<string, number> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
};

/** Bytes of a text such as `20 GB` or `1.5GiB`, as larder's settings take them, or undefined if it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const power = match && powers[(match[2] as string).toLowerCase()];
  if (!match || power === null || power === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The text that `parseSize` turns into exactly these bytes, for a field to change it in. */
export function writeSize(sizeBytes: number): string {
  for (const unit of ["PiB", "PB", "TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "KB"]) {
    const power = powers[unit.toLowerCase()] as number;
    if (sizeBytes > 0 && sizeBytes % power === 0) return `${sizeBytes / power} ${unit}`;
  }
  return `${sizeBytes} B`;
}
