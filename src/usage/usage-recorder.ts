import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import type { Asker } from "./asker.ts";
import type { ClientEvent } from "./client-event.ts";
import { noCounters } from "./counters.ts";
import {
  boundedDuration,
  count,
  type Happening,
  localHit,
  localMiss,
  refusedUpload,
  remoteHit,
  remoteMiss,
  upload,
} from "./happening.ts";
import { OpenRuns } from "./open-runs.ts";
import { ReportedOnce } from "./reported-once.ts";
import { type HourUse, type Source, Sources } from "./sources.ts";
import { type FlushedUsage, UsageWriter } from "./usage-writer.ts";
import { WaitingHappenings } from "./waiting-happenings.ts";
import { WaitingRuns } from "./waiting-runs.ts";

/** What seeing an artifact come or go tells of it. */
export interface SeenArtifact {
  durationMs: number;
  /** Null where no bytes of it had to go. */
  sizeBytes: number | null;
  /** In which it was found: empty for a trusted artifact. */
  scope?: string;
}

const nothing = { durationMs: 0, sizeBytes: null };

/** Places for what waits for its session; where they are not enough, who has waited longest goes without. */
const maxWaiting = 50_000;
/** turbo (2.11.11) tells of a hit or miss within a second. */
const patienceMs = 30_000;
/** Places for misses whose task may still be running, so that its upload belongs to the same run. */
const maxMissed = 50_000;
const missedForMs = 6 * 3_600_000;
const hourMs = 3_600_000;

/** Of an origin, which may be the jobs of a whole organization. */
const maxReportedPerMinute = 10_000;
const minuteMs = 60_000;

/** While nothing can be written: one for each origin and hour. */
const maxHours = 100_000;

/**
 * Counts what happens to the cache. All that is called on a request's way only counts in memory: it costs the same whatever has
 * been counted before, waits for nothing and does not fail. What is beyond a bound is counted, and only its details are dropped.
 *
 * What is remote counts as the server saw it. Which session it belongs to the client tells a moment later; who tells nothing
 * has a run of its own. What is local counts as clients report it, once in a session.
 *
 * Who works in an untrusted scope may say what he likes: what he reports is in his runs, and in no sum.
 *
 * `flush` has to be called again and again. A crash loses what was not flushed, and, of the runs, what still waits for its
 * session. For the one process that serves the data folder.
 */
export class UsageRecorder {
  private readonly sources = new Sources();
  private readonly runs = new OpenRuns();
  private readonly writer: UsageWriter;
  private readonly reads = new WaitingHappenings(maxWaiting, (...seen) => this.settle(...seen));
  private readonly uploads = new WaitingHappenings(maxWaiting, (...seen) => this.settle(...seen));
  private readonly missed = new WaitingRuns(maxMissed);
  private readonly reported = new ReportedOnce();
  private hours: HourUse[] = [];
  private droppedHere = 0;
  private flushed: Promise<void> = Promise.resolve();
  private readonly listeners = new Set<(usage: FlushedUsage) => void>();

  constructor(
    database: Database,
    private readonly log: Logger,
  ) {
    this.writer = new UsageWriter(database, log);
  }

  /** What was dropped since the start: events without a row, and what could not be counted in any other way. */
  get dropped(): number {
    return this.droppedHere + this.runs.dropped + this.writer.dropped;
  }

  /** What waits in memory for its session, or to be written. */
  get waiting(): number {
    return this.reads.waiting + this.uploads.waiting + this.runs.waiting;
  }

  /** An artifact was asked for, and found or not. Of a part, only the first counts. */
  read(asker: Asker, hash: string, found?: SeenArtifact): void {
    const source = this.sources.of(asker);
    const seen = this.see(source, found ? remoteHit : remoteMiss, hash, found ?? nothing);
    // Nobody in particular reports nothing.
    if (asker.origin.kind === "anonymous") this.settle(source, seen);
    else this.reads.add(source, seen);
  }

  /** An artifact was kept. */
  upload(asker: Asker, hash: string, kept: SeenArtifact): void {
    const source = this.sources.of(asker);
    this.came(source, this.see(source, upload, hash, kept));
  }

  /** An artifact was refused for its size, a quota, or want of room. */
  refusedUpload(asker: Asker, hash: string, durationMs: number): void {
    const source = this.sources.of(asker);
    this.came(source, this.see(source, refusedUpload, hash, { durationMs, sizeBytes: null }));
  }

  /** What a client tells of its session. */
  report(asker: Asker, clientCi: string | null, events: readonly ClientEvent[]): void {
    if (asker.origin.kind === "anonymous") return;
    const source = this.sources.of(asker);
    const at = Date.now();
    for (const event of events) {
      if (event.source === "REMOTE") this.identify(source, event, clientCi, at);
      else this.countLocal(source, event, clientCi, at);
    }
  }

  /** Called with what each flush has written. @returns what ends that. */
  subscribe(listener: (usage: FlushedUsage) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Resolves when what was counted before is written, but for what still waits for its session. What could not be written waits
   * for the next time.
   */
  flush(now = Date.now()): Promise<void> {
    const next = this.flushed.then(() => this.write(now));
    this.flushed = next.catch(() => {});
    return next;
  }

  /** When nothing more comes: writes everything. */
  async close(): Promise<void> {
    this.reads.expire(Number.POSITIVE_INFINITY, 0);
    this.uploads.expire(Number.POSITIVE_INFINITY, 0);
    // What could not be written in the last flush goes first, and alone.
    await this.flush();
    await this.flush();
    if (this.writer.isBehind) this.log.error("usage that could not be written is lost");
  }

  private async write(now: number): Promise<void> {
    this.reads.expire(now, patienceMs);
    this.uploads.expire(now, patienceMs);
    this.missed.expire(now, missedForMs);
    if (!this.writer.isBehind) {
      const { hours } = this;
      this.hours = [];
      for (const hour of hours) hour.use.hour = undefined;
      this.writer.take(hours, this.runs.takeChanged());
    }
    const written = await this.writer.write();
    if (written) for (const listener of this.listeners) listener(written);
  }

  /** Counts it in its hour. */
  private see(source: Source, kind: number, hash: string, artifact: SeenArtifact): Happening {
    const { durationMs, sizeBytes } = artifact;
    const seen = { kind, hash, durationMs: boundedDuration(durationMs), sizeBytes, at: Date.now() };
    // How long a task took, somebody has said who uploaded it.
    const isTold = source.asker.scope !== "" && artifact.scope !== "";
    this.countHour(source, isTold ? { ...seen, durationMs: 0 } : seen);
    return seen;
  }

  private came(source: Source, seen: Happening): void {
    const run = this.missed.take(source, seen.hash);
    if (run) this.runs.add(run, seen);
    else this.uploads.add(source, seen);
  }

  /** The newest read of that hash was this session's, whatever the client made of it. */
  private identify(source: Source, event: ClientEvent, clientCi: string | null, at: number): void {
    const { hash } = event;
    const read = this.reads.take(source, hash);
    if (!read) return;
    const run = this.runs.find(source, event.sessionId, at);
    this.runs.add(run, read, clientCi);
    if (read.kind !== remoteMiss) return;
    // Its task may have been quicker than the report.
    const came = this.uploads.take(source, hash);
    if (came) this.runs.add(run, came, clientCi);
    else this.missed.add(source, hash, run, at);
  }

  private countLocal(source: Source, event: ClientEvent, clientCi: string | null, at: number): void {
    const kind = event.event === "HIT" ? localHit : localMiss;
    if (!mayReport(source, at)) {
      this.droppedHere++;
      return;
    }
    const { sessionId, hash } = event;
    const isFirst =
      sessionId === null || this.reported.isFirst(`${source.number} ${kind} ${hash} ${sessionId}`);
    if (!isFirst) return;
    const durationMs = kind === localHit ? boundedDuration(event.durationMs) : 0;
    const happening = { kind, hash: event.hash, durationMs, sizeBytes: null, at };
    if (source.asker.scope === "") this.countHour(source, happening);
    this.runs.add(this.runs.find(source, event.sessionId, at), happening, clientCi);
  }

  /** Of no session. */
  private settle(source: Source, seen: Happening): void {
    this.runs.add(this.runs.find(source, null, seen.at), seen);
  }

  private countHour({ use }: Source, happening: Happening): void {
    const startAt = happening.at - (happening.at % hourMs);
    if (use.hour?.startAt !== startAt) {
      if (this.hours.length >= maxHours) {
        this.droppedHere++;
        return;
      }
      use.hour = { use, startAt, counters: noCounters() };
      this.hours.push(use.hour);
    }
    count(use.hour.counters, happening);
  }
}

/** Whether an origin may report one more in this minute. */
function mayReport({ use }: Source, at: number): boolean {
  // A clock that was set back must not stop the count.
  if (Math.abs(at - use.reportedSince) >= minuteMs) {
    use.reportedSince = at;
    use.reported = 0;
  }
  return ++use.reported <= maxReportedPerMinute;
}
