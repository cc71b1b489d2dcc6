import { asc, desc, eq, gt, inArray, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { events, runs } from "../database/schema.ts";
import { maxEventsPerRun } from "./open-runs.ts";

/** However young they are. */
const maxEvents = 12_000_000;
/** Short enough that no request notices a step. */
const eventsPerStep = 1_000;
const runsPerStep = 5_000;
/** Of the runs that are looked at to delete some. */
const runsAtOnce = 100;

/** As many rows as a run has: of very many events not all have one. */
const rowsOfRun = sql<number>`min(${runs.events}, ${maxEventsPerRun})`;

/**
 * Of more events than may be, forgets the oldest runs, with their events, of whichever team has the most: so no team's flood
 * costs another that keeps less. To be called again and again, since clients can report many in a short time; mostly it costs
 * nothing. Events whose run is gone with its team are not counted, and go with their age.
 */
export class EventTrimmer {
  /** Up to this id no more than may be were there when they were last counted. */
  private enoughUpTo = 0;

  constructor(
    private readonly database: Database,
    private readonly atMost = maxEvents,
  ) {}

  /** @param signal ends it between two steps. */
  async trim(signal?: AbortSignal): Promise<void> {
    const { atMost } = this;
    // There are gaps where some have gone, so that there are as many at most.
    const { first, last } = await this.ends();
    if (last - first + 1 <= atMost || last <= this.enoughUpTo) return;
    const ofTeams = await this.eventsOfTeams(signal);
    if (!ofTeams) return;
    let total = 0;
    for (const count of ofTeams.values()) total += count;
    while (total > atMost) {
      if (signal?.aborted) return;
      const [teamId, most] = [...ofTeams].reduce((a, b) => (b[1] > a[1] ? b : a));
      const gone = await this.forgetOldest(teamId, Math.min(total - atMost, eventsPerStep));
      if (gone === undefined) return;
      ofTeams.set(teamId, most - gone);
      total -= gone;
    }
    this.enoughUpTo = last + (atMost - total);
  }

  private async ends(): Promise<{ first: number; last: number }> {
    const { read } = this.database;
    const [first] = await read.select({ id: events.id }).from(events).orderBy(asc(events.id)).limit(1);
    const [last] = await read.select({ id: events.id }).from(events).orderBy(desc(events.id)).limit(1);
    return { first: first?.id ?? 0, last: last?.id ?? -1 };
  }

  /** Some runs at a time; in between others have their turn. Undefined when it was ended. */
  private async eventsOfTeams(signal: AbortSignal | undefined): Promise<Map<string, number> | undefined> {
    const ofTeams = new Map<string, number>();
    for (let lastId = 0; ; ) {
      if (signal?.aborted) return undefined;
      const some = await this.database.read
        .select({ id: runs.id, teamId: runs.teamId, rows: rowsOfRun })
        .from(runs)
        .where(gt(runs.id, lastId))
        .orderBy(asc(runs.id))
        .limit(runsPerStep);
      for (const { teamId, rows } of some) ofTeams.set(teamId, (ofTeams.get(teamId) ?? 0) + rows);
      lastId = some.at(-1)?.id ?? 0;
      if (some.length < runsPerStep) return ofTeams;
      await new Promise((turned) => setImmediate(turned));
    }
  }

  /** @returns how many events have gone; undefined where the team has no runs any more. */
  private async forgetOldest(teamId: string, wanted: number): Promise<number | undefined> {
    const oldest = await this.database.read
      .select({ id: runs.id, rows: rowsOfRun })
      .from(runs)
      .where(eq(runs.teamId, teamId))
      .orderBy(asc(runs.startedAt), asc(runs.id))
      .limit(runsAtOnce);
    const [first] = oldest;
    if (!first) return undefined;
    const some = [first];
    let rows = first.rows;
    for (const run of oldest.slice(1)) {
      if (rows >= wanted || rows + run.rows > eventsPerStep) break;
      some.push(run);
      rows += run.rows;
    }
    const ids = some.map(({ id }) => id);
    for (let isMore = true; isMore; ) {
      isMore = await this.database.write(async (tx) => {
        const next = tx
          .select({ id: events.id })
          .from(events)
          .where(inArray(events.runId, ids))
          .limit(eventsPerStep);
        const gone = await tx.delete(events).where(inArray(events.id, next)).returning({ id: events.id });
        if (gone.length === eventsPerStep) return true;
        // Something may have come to one of them meanwhile: then it goes on as a new run.
        await tx.delete(runs).where(inArray(runs.id, ids));
        return false;
      });
    }
    return rows;
  }
}
