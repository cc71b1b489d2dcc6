import { NameRing } from "./name-ring.ts";
import type { OpenRun } from "./open-runs.ts";
import type { Source } from "./sources.ts";

/** Runs that wait for the upload of a task that they had to run: by source and hash, as told by `NameRing`. */
export class WaitingRuns {
  private readonly ring: NameRing;
  private readonly runs: (OpenRun | undefined)[] = [];

  constructor(capacity: number) {
    this.ring = new NameRing(capacity, (place) => {
      this.runs[place] = undefined;
    });
  }

  add(source: Source, hash: string, run: OpenRun, at: number): void {
    this.runs[this.ring.add(source.number, hash, at)] = run;
  }

  take(source: Source, hash: string): OpenRun | undefined {
    const place = this.ring.take(source.number, hash);
    if (place === undefined) return undefined;
    const run = this.runs[place];
    this.runs[place] = undefined;
    return run;
  }

  expire(now: number, maxAgeMs: number): void {
    this.ring.expire(now, maxAgeMs);
  }
}
