/** Milliseconds since 1970 as people and scripts can read them; null stays null. */
export function isoTime<Time extends number | null>(timeMs: Time): string | (Time & null) {
  return timeMs === null ? (null as Time & null) : new Date(timeMs).toISOString();
}
