import type { Totals } from "../../api/types.ts";
import { formatCount } from "../../format/count.ts";

/** Remote hits, local hits and misses as parts of a line, in the colours of the charts. */
export function HitBar({ totals }: { totals: Totals }) {
  const parts = [
    ["bg-remote", totals.remoteHits, "remote"],
    ["bg-local", totals.localHits, "local"],
    ["bg-missed", totals.remoteMisses, "missed"],
  ] as const;
  const all = parts.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return <span className="text-soft">–</span>;
  const text = parts.map(([, count, name]) => `${formatCount(count)} ${name}`).join(", ");
  return (
    <span
      role="img"
      aria-label={text}
      title={text}
      className="mt-1.5 flex h-2 w-28 gap-px overflow-hidden rounded-full"
    >
      {parts.map(
        ([color, count, name]) =>
          count > 0 && <span key={name} className={color} style={{ flexGrow: count, flexBasis: 2 }} />,
      )}
    </span>
  );
}
