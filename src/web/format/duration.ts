const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** A time span for reading, in two units at most: `850 ms`, `3.2 s`, `4 m 12 s`, `2 h 14 m`, `3 d 4 h`, `1,204 d`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.abs(Math.round(durationMs));
  const sign = durationMs < 0 && ms > 0 ? "−" : "";
  return sign + positive(ms);
}

function positive(ms: number): string {
  if (ms < secondMs) return `${ms} ms`;
  if (ms < 9_950) return `${(ms / secondMs).toFixed(1).replace(/\.0$/, "")} s`;
  if (ms < minuteMs - 500) return `${Math.round(ms / secondMs)} s`;
  if (ms < hourMs - 500) return twoUnits(ms, minuteMs, "m", secondMs, "s");
  if (ms < dayMs - minuteMs / 2) return twoUnits(ms, hourMs, "h", minuteMs, "m");
  if (ms < 100 * dayMs) return twoUnits(ms, dayMs, "d", hourMs, "h");
  return `${Math.round(ms / dayMs).toLocaleString("en")} d`;
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  // Rounded first, or else 59.9 s would be shown as 60 s.
  const inSmall = Math.round(ms / small);
  const perLarge = large / small;
  const [whole, rest] = [Math.floor(inSmall / perLarge), inSmall % perLarge];
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${rest} ${smallName}`;
}
