import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import type { Notice } from "../notices/notice.ts";
import type { Notices } from "../notices/notices.ts";
import { Refusal } from "../refusal.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import type { FlushedUsage } from "../usage/usage-writer.ts";
import { EventStream } from "./event-stream.ts";

/** What one stream may tell. */
export interface Sight {
  /** Undefined for all. */
  teamIds: readonly string[] | undefined;
  noticesOf(all: readonly Notice[]): Notice[];
}

export interface Watcher {
  /** Under whom streams are counted. */
  owner: string;
  /** With whom they are counted, too: the team whose tokens ask. */
  group?: string;
  /** Some places are kept for those who look after the server. */
  isServerAdmin?: boolean;
  /** What may be told at first. */
  sight: Sight;
  /** What may be told from now on; undefined for nothing any more. Asked again and again. */
  lookAgain: () => Promise<Sight | undefined>;
  /** To be called often, so that a quiet stream is not taken for an idle connection. */
  keepAlive: () => void;
}

export interface LiveFeedOptions {
  usage: Pick<UsageRecorder, "subscribe">;
  notices: Pick<Notices, "current">;
  /** Its identity version changes whenever rights may have. */
  database: Pick<Database, "identityVersion">;
  log: Logger;
  limits?: Partial<Limits>;
}

interface Limits {
  streams: number;
  streamsOfOwner: number;
  streamsOfGroup: number;
  /** Of all, for administrators of the server alone. */
  keptForAdministrators: number;
  /** No idle timeout can be set to less than 5 seconds. */
  tickMs: number;
  pingEveryMs: number;
  lookEveryMs: number;
  noticesEveryMs: number;
}

const defaultLimits: Limits = {
  streams: 200,
  streamsOfOwner: 8,
  streamsOfGroup: 40,
  keptForAdministrators: 20,
  tickMs: 2_000,
  pingEveryMs: 15_000,
  lookEveryMs: 30_000,
  noticesEveryMs: 5_000,
};

/** What `runs` says. */
export interface ChangedRuns {
  /** Null where they are too many to be named: any may have changed. */
  ids: number[] | null;
}

const maxNamedRuns = 100;

interface Watched extends Watcher {
  stream: EventStream;
  pingedAt: number;
  lookedAt: number;
  /** When it was looked last. */
  identityVersion: number;
  looking: Promise<void> | undefined;
  /** As they were last told. */
  notices: string | undefined;
}

/**
 * Tells browsers that something has changed, for them to ask for it: `usage`, figures; `runs`, which are new or have changed. And
 * `notices`, what is wrong, when that changes. While nobody watches it does nothing.
 */
export class LiveFeed {
  private readonly limits: Limits;
  private readonly watched = new Set<Watched>();
  private stopListening: (() => void) | undefined;
  private timer: Timer | undefined;
  private noticedAt = 0;
  private isClosed = false;

  constructor(private readonly options: LiveFeedOptions) {
    this.limits = { ...defaultLimits, ...options.limits };
  }

  /** @throws Refusal `too_many_requests` for one more than may be, `unavailable` when the server is about to stop. */
  open(watcher: Watcher): ReadableStream<Uint8Array> {
    this.requirePlace(watcher);
    const now = performance.now();
    const watched: Watched = {
      ...watcher,
      stream: new EventStream(() => this.leave(watched)),
      pingedAt: now,
      lookedAt: now,
      identityVersion: this.options.database.identityVersion(),
      looking: undefined,
      notices: undefined,
    };
    this.watched.add(watched);
    this.begin();
    watched.stream.comment("larder");
    this.noticedAt = 0;
    void this.tellNotices();
    return watched.stream.readable;
  }

  /** Ends all streams at once, and takes no more: nobody shall wait for them at the end. */
  close(): void {
    this.isClosed = true;
    for (const { stream } of [...this.watched]) stream.end();
  }

  private requirePlace({ owner, group, isServerAdmin }: Watcher): void {
    if (this.isClosed) throw new Refusal("unavailable", "The server stops. Try again in a moment.", 1);
    const { streams, streamsOfOwner, streamsOfGroup, keptForAdministrators } = this.limits;
    const all = [...this.watched];
    const ofOwner = all.filter((one) => one.owner === owner).length;
    const ofGroup = group === undefined ? 0 : all.filter((one) => one.group === group).length;
    const places = isServerAdmin ? streams : streams - keptForAdministrators;
    if (ofOwner < streamsOfOwner && ofGroup < streamsOfGroup && all.length < places) return;
    throw new Refusal(
      "too_many_requests",
      "Too many streams are open. Close some of those pages, or ask for /api/v1/overview now and then instead.",
      10,
    );
  }

  private begin(): void {
    if (this.timer !== undefined) return;
    this.stopListening = this.options.usage.subscribe((usage) => this.tell(usage));
    this.timer = setInterval(() => this.tick(), this.limits.tickMs);
  }

  private leave(watched: Watched): void {
    this.watched.delete(watched);
    if (this.watched.size > 0) return;
    this.stopListening?.();
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    const now = performance.now();
    for (const watched of [...this.watched]) {
      watched.keepAlive();
      if (now - watched.pingedAt >= this.limits.pingEveryMs) {
        watched.pingedAt = now;
        watched.stream.comment("ping");
      }
      if (now - watched.lookedAt >= this.limits.lookEveryMs || this.isOutdated(watched))
        void this.lookAgain(watched);
    }
    if (now - this.noticedAt >= this.limits.noticesEveryMs) void this.tellNotices();
  }

  /** Whoever was signed out, or taken out of a team, sees no more of it. */
  private lookAgain(watched: Watched): Promise<void> {
    watched.looking ??= this.look(watched).finally(() => {
      watched.looking = undefined;
    });
    return watched.looking;
  }

  private isOutdated({ identityVersion }: Watched): boolean {
    return identityVersion !== this.options.database.identityVersion();
  }

  /** Rights may have changed since: nothing more is told before that is known. */
  private async lookAgainAt(outdated: readonly Watched[]): Promise<void> {
    await Promise.all(outdated.map((watched) => this.lookAgain(watched)));
  }

  private get outdated(): Watched[] {
    return [...this.watched].filter((watched) => this.isOutdated(watched) || watched.looking);
  }

  private async look(watched: Watched): Promise<void> {
    // Before it is looked: what changes meanwhile is looked at again.
    watched.identityVersion = this.options.database.identityVersion();
    try {
      const sight = await watched.lookAgain();
      if (sight) watched.sight = sight;
      else watched.stream.end();
    } catch (error) {
      // Nobody sees more for a fault of ours.
      if (!(error instanceof Refusal)) this.options.log.error({ err: error }, "live stream ended");
      watched.stream.end();
    }
    watched.lookedAt = performance.now();
  }

  private async tell({ teamIds, runs }: FlushedUsage): Promise<void> {
    const { outdated } = this;
    if (outdated.length > 0) await this.lookAgainAt(outdated);
    for (const { sight, stream } of [...this.watched]) {
      if ([...teamIds].some((teamId) => sees(sight, teamId))) stream.event("usage", {});
      const ids = runs.filter(({ teamId }) => sees(sight, teamId)).map(({ id }) => id);
      const told: ChangedRuns = { ids: ids.length > maxNamedRuns ? null : ids };
      if (ids.length > 0) stream.event("runs", told);
    }
  }

  private async tellNotices(): Promise<void> {
    this.noticedAt = performance.now();
    let all: readonly Notice[];
    try {
      all = await this.options.notices.current();
    } catch (error) {
      this.options.log.error({ err: error }, "notices not shown live");
      return;
    }
    await this.lookAgainAt(this.outdated);
    for (const watched of this.watched) {
      const notices = watched.sight.noticesOf(all);
      const text = JSON.stringify(notices);
      if (text === watched.notices) continue;
      watched.notices = text;
      watched.stream.event("notices", notices);
    }
  }
}

function sees({ teamIds }: Sight, teamId: string): boolean {
  return teamIds === undefined || teamIds.includes(teamId);
}
