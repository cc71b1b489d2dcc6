import { useSyncExternalStore } from "react";
import { formatExactTime, formatRelativeTime } from "../format/time.ts";

const tickMs = 15_000;
let nowMs = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How long ago something was, and exactly when for whoever points at it. Stays true while the page stays open. */
export function When({ at, never = "never" }: { at: string | null | undefined; never?: string }) {
  const now = useSyncExternalStore(subscribe, () => nowMs);
  if (at === null || at === undefined) return <span className="text-soft">{never}</span>;
  const atMs = Date.parse(at);
  return (
    <time dateTime={at} title={formatExactTime(at)} className="whitespace-nowrap">
      {formatRelativeTime(atMs, Math.max(now, Math.min(atMs, Date.now())))}
    </time>
  );
}
