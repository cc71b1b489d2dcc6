export const severities = ["critical", "warning", "info"] as const;

/** Something that is not as it should be, in words for whoever runs the server or owns the team. */
export interface Notice {
  /** Of the kind of thing, such as `disk_full`. */
  code: string;
  /** `critical`: builds lose something now. `warning`: they will, or do so unawares. `info`: worth knowing. */
  severity: (typeof severities)[number];
  title: string;
  /** What is so, with the figures. */
  message: string;
  /** What to do, naming the command or setting. */
  remedy: string;
  /** Whose it is, by its slug; without one it is the whole server's, and for its administrators. */
  team?: string;
  /** Says whose it is for good: a slug may be another team's soon. */
  teamId?: string;
}

/** Such as `1 upload` or `2 uploads`. */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
