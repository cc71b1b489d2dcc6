import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import type { Origin } from "./asker.ts";
import { originRollups } from "./rollups.ts";
import type { OriginUse } from "./sources.ts";
import { startOfStep } from "./usage-span.ts";

/** How many origins of a team have sums of their own, which stay for good. */
export interface OriginBounds {
  day: number;
  month: number;
}

const defaultBounds: OriginBounds = { day: 200, month: 1_000 };
/** As the id of all others. */
const otherOriginId = "other";
/** Teams, with the days and the months, that are known at once. */
const maxKnown = 2_000;

/** Under which origin a use is summed up, so that a team that makes a token for each build does not fill the sums. */
export class BoundedOrigins {
  private readonly known = new Map<string, Set<string>>();

  constructor(private readonly bounds: OriginBounds = defaultBounds) {}

  /**
   * @param tx sees what was summed up before.
   * @returns whose it is in the sums by hour and by day, and in those by month: what is another's in the first is in both.
   */
  async originsOf(
    tx: Queries,
    { teamId, origin }: Pick<OriginUse, "teamId" | "origin">,
    startAt: number,
  ): Promise<{ ofDay: Origin; ofMonth: Origin }> {
    const ofDay = await this.boundedOf(tx, teamId, origin, startAt, "day");
    return { ofDay, ofMonth: await this.boundedOf(tx, teamId, ofDay, startAt, "month") };
  }

  private async boundedOf(
    tx: Queries,
    teamId: string,
    origin: Origin,
    startAt: number,
    step: keyof OriginBounds,
  ): Promise<Origin> {
    if (origin.id === otherOriginId) return origin;
    const origins = await this.knownOf(tx, teamId, startOfStep(startAt, step), step);
    const name = nameOf(origin);
    if (!origins.has(name)) {
      if (origins.size >= this.bounds[step]) return { kind: origin.kind, id: otherOriginId };
      origins.add(name);
    }
    return origin;
  }

  private async knownOf(
    tx: Queries,
    teamId: string,
    startAt: number,
    step: keyof OriginBounds,
  ): Promise<Set<string>> {
    const key = `${teamId} ${step} ${startAt}`;
    const known = this.known.get(key);
    if (known) return known;
    const table = originRollups[step];
    const rows = await tx
      .selectDistinct({ kind: table.originKind, id: table.originId })
      .from(table)
      .where(and(eq(table.startAt, startAt), eq(table.teamId, teamId)));
    if (this.known.size >= maxKnown) this.known.clear();
    const origins = new Set(rows.filter(({ id }) => id !== otherOriginId).map(nameOf));
    this.known.set(key, origins);
    return origins;
  }
}

function nameOf({ kind, id }: Origin): string {
  return `${kind} ${id}`;
}
