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
