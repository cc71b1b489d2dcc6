import type { Asker } from "./asker.ts";
import { type Counters, noCounters } from "./counters.ts";
import { count, type Happening, refusedUpload } from "./happening.ts";
import type { Source } from "./sources.ts";

/** A run to which something may yet come. */
export interface OpenRun {
  /** Known once it was written. */
  id: number | undefined;
  readonly asker: Asker;
  readonly sessionId: string | null;
  clientCi: string | null;
  startedAt: number;
  lastEventAt: number;
  /** How many of its events have been written; those of before this process among them, once it is known. */
  writtenEvents: number;
  /** What has yet to be written. */
  unwritten: { counters: Counters; events: Happening[] } | undefined;
}

/** Whoever tells of no session has a new run after such a pause, and after such a time. */
const pauseMs = 10 * 60_000;
const maxLooseMs = 24 * 3_600_000;
/** More at once cost a write that finds the row by its session. */
const maxOpen = 10_000;
/** What an origin may make up: its other sessions in that hour count as none. */
const maxSessionsPerHour = 2_000;
const hourMs = 3_600_000;
/** Of one run. A turbo run has some three for each task. */
export const maxEventsPerRun = 20_000;
/** Of all runs, while they wait to be written. */
const maxWaitingEvents = 20_000;
/** However many those of others are: nobody's flood shall cost another team its rows. */
const placesOfTeam = 1_000;
/** Runs that wait to be written. */
const maxChanged = 20_000;

/** The runs to which something may yet come, and what has yet to be written of them. */
export class OpenRuns {
  /** By credential and session; those to which something came last stand last. */
  private readonly ofSessions = new Map<string, OpenRun>();
  private changed = new Set<OpenRun>();
  private waitingEvents = 0;
  private waitingOfTeams = new Map<string, number>();
  /** What is in the sums of its hour, but in no row of its own, or in no run. */
  dropped = 0;

  /** The run of a session; without one, that of whatever the credential does otherwise. */
  find(source: Source, sessionId: string | null, at: number): OpenRun {
    if (sessionId === null) return looseRun(source, at);
    const name = `${source.number} ${sessionId}`;
    const known = this.ofSessions.get(name);
    if (known) {
      this.ofSessions.delete(name);
      this.ofSessions.set(name, known);
      return known;
    }
    if (!mayBegin(source, at)) return looseRun(source, at);
    const run = newRun(source.asker, sessionId, at);
    const [first] = this.ofSessions.keys();
    if (this.ofSessions.size >= maxOpen && first !== undefined) this.ofSessions.delete(first);
    this.ofSessions.set(name, run);
    return run;
  }

  /** Counts it in the run, and keeps it to be written as far as there is room. */
  add(run: OpenRun, happening: Happening, clientCi: string | null = null): void {
    if (!run.unwritten) {
      if (this.changed.size >= maxChanged) {
        this.dropped++;
        return;
      }
      run.unwritten = { counters: noCounters(), events: [] };
      this.changed.add(run);
    }
    count(run.unwritten.counters, happening);
    run.clientCi ??= clientCi;
    run.startedAt = Math.min(run.startedAt, happening.at);
    run.lastEventAt = Math.max(run.lastEventAt, happening.at);
    if (happening.kind === refusedUpload) return;
    if (run.writtenEvents + run.unwritten.events.length >= maxEventsPerRun) return;
    const ofTeam = this.waitingOfTeams.get(run.asker.teamId) ?? 0;
    if (this.waitingEvents >= maxWaitingEvents && ofTeam >= placesOfTeam) {
      this.dropped++;
      return;
    }
    run.unwritten.events.push(happening);
    this.waitingEvents++;
    this.waitingOfTeams.set(run.asker.teamId, ofTeam + 1);
  }

  /** Those of which something is to be written, each once. What comes to them from now on is for the next time. */
  takeChanged(): { run: OpenRun; counters: Counters; events: Happening[] }[] {
    const taken = [...this.changed].map((run) => {
      const { counters, events } = run.unwritten as NonNullable<OpenRun["unwritten"]>;
      run.unwritten = undefined;
      run.writtenEvents += events.length;
      return { run, counters, events };
    });
    this.changed = new Set();
    this.waitingEvents = 0;
    this.waitingOfTeams = new Map();
    return taken;
  }

  get waiting(): number {
    return this.waitingEvents;
  }
}

function looseRun(source: Source, at: number): OpenRun {
  const { loose } = source;
  if (loose && at - loose.lastEventAt < pauseMs && at - loose.startedAt < maxLooseMs) return loose;
  source.loose = newRun(source.asker, null, at);
  return source.loose;
}

/** Whether an origin may begin one more session. */
function mayBegin({ use }: Source, at: number): boolean {
  // A clock that was set back must not stop the count.
  if (Math.abs(at - use.sessionsSince) >= hourMs) {
    use.sessionsSince = at;
    use.sessions = 0;
  }
  return ++use.sessions <= maxSessionsPerHour;
}

function newRun(asker: Asker, sessionId: string | null, at: number): OpenRun {
  return {
    id: undefined,
    asker,
    sessionId,
    clientCi: null,
    startedAt: at,
    lastEventAt: at,
    writtenEvents: 0,
    unwritten: undefined,
  };
}
