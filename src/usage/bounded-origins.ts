import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { usageDays } from "../database/schema.ts";
import type { Origin } from "./asker.ts";
import type { OriginUse } from "./sources.ts";
import { startOfStep } from "./usage-span.ts";

/** Of a team in a day. Each has rows that stay for good. */
const defaultMaxOrigins = 200;
/** As the id of all others. */
const otherOriginId = "other";
/** Teams and days that are known at once. */
const maxKnown = 2_000;

/** Under which origin a use is summed up, so that a team that makes a token for each build does not fill the sums. */
export class BoundedOrigins {
  private readonly known = new Map<string, Set<string>>();

  constructor(private readonly maxOrigins = defaultMaxOrigins) {}

  /** @param tx sees what was summed up before. */
  async originOf(tx: Queries, { teamId, origin }: OriginUse, startAt: number): Promise<Origin> {
    const day = startOfStep(startAt, "day");
    const origins = await this.originsOf(tx, teamId, day);
    const name = nameOf(origin);
    if (!origins.has(name)) {
      if (origins.size >= this.maxOrigins) return { kind: origin.kind, id: otherOriginId };
      origins.add(name);
    }
    return origin;
  }

  private async originsOf(tx: Queries, teamId: string, day: number): Promise<Set<string>> {
    const key = `${teamId} ${day}`;
    const known = this.known.get(key);
    if (known) return known;
    const rows = await tx
      .selectDistinct({ kind: usageDays.originKind, id: usageDays.originId })
      .from(usageDays)
      .where(and(eq(usageDays.startAt, day), eq(usageDays.teamId, teamId)));
    if (this.known.size >= maxKnown) this.known.clear();
    const origins = new Set(rows.filter(({ id }) => id !== otherOriginId).map(nameOf));
    this.known.set(key, origins);
    return origins;
  }
}

function nameOf({ kind, id }: Origin): string {
  return `${kind} ${id}`;
}
