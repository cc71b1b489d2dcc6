import type { Logger } from "pino";
import type { Database, Queries } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { BoundedOrigins } from "./bounded-origins.ts";
import { type Counters, noCounters } from "./counters.ts";
import type { Happening } from "./happening.ts";
import { maxEventsPerRun, type OpenRun } from "./open-runs.ts";
import type { HourUse } from "./sources.ts";
import {
  addToRollups,
  existingTeams,
  insertEvents,
  type RunRow,
  rowsPerHourUse,
  writeRun,
} from "./usage-rows.ts";

/** What one flush has written. */
export interface FlushedUsage {
  /** To whose figures something was added. */
  teamIds: ReadonlySet<string>;
  /** Those that are new or have changed. */
  runs: readonly { id: number; teamId: string }[];
}

/** Of one run: what is to be added to it. */
interface RunPart {
  run: OpenRun;
  counters: Counters;
  events: Happening[];
}

/** What is written in one transaction: all of it or nothing, and never twice. */
interface Batch {
  hours: HourUse[];
  runs: RunPart[];
  rows: number;
  failures: number;
}

/** Short enough that no request notices a transaction. */
const rowsPerBatch = 1_000;
const eventsPerPart = 250;
/** What fails so often for no outer reason will fail for ever, and shall keep nothing else from being written. */
const maxFailures = 5;

/** Writes down what was counted. What could not be written it keeps, and takes no more until it could. */
export class UsageWriter {
  private readonly origins = new BoundedOrigins();
  private batches: Batch[] = [];
  /** Rows that could never be written. */
  dropped = 0;
  private isTold = false;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {}

  /** Whether something is left of what was taken before. */
  get isBehind(): boolean {
    return this.batches.length > 0;
  }

  take(hours: readonly HourUse[], runs: readonly RunPart[]): void {
    for (const hour of hours) this.batchFor(rowsPerHourUse).hours.push(hour);
    for (const part of runs.flatMap(pieces)) this.batchFor(1 + part.events.length).runs.push(part);
  }

  /**
   * @returns what was written of all that was taken, if anything was. What cannot be now waits for the next time, which is logged
   * once. Rejects where that is nobody else's doing, unless something was written before it: that is told first, and the
   * next time begins with what failed.
   */
  async write(): Promise<FlushedUsage | undefined> {
    if (this.batches.length === 0) return undefined;
    const teamIds = new Set<string>();
    const changed = new Map<number, string>();
    for (let batch = this.batches[0]; batch; batch = this.batches[0]) {
      try {
        for (const { id, teamId } of await this.writeBatch(batch)) changed.set(id, teamId);
        for (const { use } of batch.hours) teamIds.add(use.teamId);
      } catch (error) {
        // The database is held, full or read-only: that will pass, and nothing is lost meanwhile.
        if (error instanceof Refusal) {
          this.tellOfWaiting(error);
          break;
        }
        if (++batch.failures < maxFailures) {
          if (teamIds.size + changed.size > 0) break;
          throw error;
        }
        this.log.error({ err: error, dropped: batch.rows }, "usage could not be written and is dropped");
        this.dropped += batch.rows;
      }
      this.batches.shift();
      this.isTold = false;
    }
    if (teamIds.size + changed.size === 0) return undefined;
    return { teamIds, runs: [...changed].map(([id, teamId]) => ({ id, teamId })) };
  }

  /** @returns the runs that it wrote to. */
  private async writeBatch({ hours, runs }: Batch): Promise<{ id: number; teamId: string }[]> {
    const written = await this.database.write(async (tx) => {
      const teamIds = [...hours.map(({ use }) => use.teamId), ...runs.map(({ run }) => run.asker.teamId)];
      // What belongs to a team that was deleted meanwhile is gone with it.
      const teams = await existingTeams(tx, new Set(teamIds));
      const ofTeams = hours.filter(({ use }) => teams.has(use.teamId));
      await addToRollups(tx, ofTeams, this.origins);
      const rows = new Map<OpenRun, RunRow>();
      for (const part of runs) {
        if (teams.has(part.run.asker.teamId))
          rows.set(part.run, await writePart(tx, part, rows.get(part.run)));
      }
      return rows;
    });
    for (const [run, { id, events }] of written) {
      run.id = id;
      run.writtenEvents = Math.max(run.writtenEvents, events);
    }
    return [...written].map(([run, { id }]) => ({ id, teamId: run.asker.teamId }));
  }

  private tellOfWaiting(reason: Refusal): void {
    if (this.isTold) return;
    this.isTold = true;
    this.log.warn({ reason: reason.message }, "usage cannot be written and waits in memory");
  }

  private batchFor(rows: number): Batch {
    const last = this.batches.at(-1);
    if (last && last.rows + rows <= rowsPerBatch) {
      last.rows += rows;
      return last;
    }
    const batch = { hours: [], runs: [], rows, failures: 0 };
    this.batches.push(batch);
    return batch;
  }
}

async function writePart(tx: Queries, part: RunPart, before: RunRow | undefined): Promise<RunRow> {
  const { run, counters, events } = part;
  const row = await writeRun(tx, run, before?.id ?? run.id, counters, events.length);
  const room = Math.max(0, maxEventsPerRun - (row.events - events.length));
  await insertEvents(tx, row.id, events.slice(0, room));
  return row;
}

/** Parts of which each fits into a batch. The counters go once, with the first. */
function pieces({ run, counters, events }: RunPart): RunPart[] {
  const parts = [{ run, counters, events: events.slice(0, eventsPerPart) }];
  for (let start = eventsPerPart; start < events.length; start += eventsPerPart) {
    parts.push({ run, counters: noCounters(), events: events.slice(start, start + eventsPerPart) });
  }
  return parts;
}
