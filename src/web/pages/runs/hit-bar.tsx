import type { Totals } from "../../api/types.ts";
import { formatCount } from "../../format/count.ts";

/** Remote hits, local hits and misses as parts of a line, in the colours of the charts, and as numbers. */
export function HitBar({ totals }: { totals: Totals }) {
  const parts = (
    [
      ["bg-remote", totals.remoteHits, "remote"],
      ["bg-local", totals.localHits, "local"],
      ["bg-missed", totals.remoteMisses, "missed"],
    ] as const
  ).filter(([, count]) => count > 0);
  if (parts.length === 0) return <span className="text-soft">–</span>;
  return (
    <span className="block">
      <span aria-hidden="true" className="mt-1.5 mb-1 flex h-2 w-28 gap-px overflow-hidden rounded-full">
        {parts.map(([color, count, name]) => (
          <span key={name} className={color} style={{ flexGrow: count, flexBasis: 2 }} />
        ))}
      </span>
      <span className="block text-xs text-soft tabular-nums">
        {parts.map(([, count, name]) => `${formatCount(count)} ${name}`).join(", ")}
      </span>
    </span>
  );
}
