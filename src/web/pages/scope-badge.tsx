import { Badge } from "../parts/badge.tsx";

/** Whether something is trusted, or which scope it is kept apart in. */
export function ScopeBadge({ scope }: { scope: string }) {
  return scope === "" ? <span className="text-soft">trusted</span> : <Badge tone="warn">{scope}</Badge>;
}
