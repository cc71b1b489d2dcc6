import type { Asker, Origin } from "./asker.ts";
import type { Counters } from "./counters.ts";
import type { OpenRun } from "./open-runs.ts";

/** What is known of an origin in a team by a tool, while it is in use. */
export interface OriginUse {
  readonly teamId: string;
  readonly tool: string;
  readonly origin: Origin;
  /** What was counted in the current hour and is yet to be written. */
  hour: HourUse | undefined;
  /** How many sessions it has begun since then. */
  sessionsSince: number;
  sessions: number;
  /** How many local events it has reported since then. */
  reportedSince: number;
  reported: number;
}

/** What was counted of an origin in one hour. */
export interface HourUse {
  readonly use: OriginUse;
  /** In milliseconds since 1970. */
  readonly startAt: number;
  readonly counters: Counters;
}

/** One credential in one team by one tool. */
export interface Source {
  readonly asker: Asker;
  /** Its own, as long as it is known. */
  readonly number: number;
  readonly use: OriginUse;
  /** The run of what belongs to no session. */
  loose: OpenRun | undefined;
}

/** More at once are forgotten, which costs some of them a new run. */
const maxKnown = 20_000;

/** Knows the credentials that use the cache. */
export class Sources {
  /** The same answer for the same object, without putting its key together. */
  private readonly ofAskers = new WeakMap<Asker, Source>();
  private readonly known = new Map<string, Source>();
  private readonly uses = new Map<string, OriginUse>();
  private ever = 0;

  of(asker: Asker): Source {
    const found = this.ofAskers.get(asker);
    if (found) return found;
    const source = this.look(asker);
    this.ofAskers.set(asker, source);
    return source;
  }

  private look(asker: Asker): Source {
    const { teamId, tool, origin, tokenId } = asker;
    const originKey = `${teamId} ${tool} ${origin.kind} ${origin.id}`;
    const key = `${originKey} ${tokenId ?? ""}`;
    const known = this.known.get(key);
    if (known) return known;
    if (this.known.size >= maxKnown) this.known.clear();
    if (this.uses.size >= maxKnown) this.uses.clear();
    const use = this.uses.get(originKey) ?? {
      teamId,
      tool,
      origin,
      hour: undefined,
      sessionsSince: 0,
      sessions: 0,
      reportedSince: 0,
      reported: 0,
    };
    this.uses.set(originKey, use);
    const source = { asker, number: this.ever++, use, loose: undefined };
    this.known.set(key, source);
    return source;
  }
}
