export const kib = 1024;
export const mib = 1024 * kib;
export const gib = 1024 * mib;

/** `100 KiB` */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes >= gib) return `${sizeBytes / gib} GiB`;
  return sizeBytes >= mib ? `${sizeBytes / mib} MiB` : `${sizeBytes / kib} KiB`;
}
