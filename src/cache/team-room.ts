import { and, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { isUntrusted } from "./books.ts";
import { untrustedShare } from "./capacity.ts";
import type { Evictor } from "./evictor.ts";

/** A team at its quota is brought down to this share of it, so that not every upload has to evict. */
const lowMark = 0.95;
const roomPollMs = 20;

/** What an upload takes of its team's room. */
export interface TeamShare {
  reservedBytes: number;
  /** What it may come to need, all of it. */
  promisedBytes: number;
}

const nothing: TeamShare = { reservedBytes: 0, promisedBytes: 0 };

const teamOfId = prepared((queries) =>
  queries
    .select()
    .from(teams)
    .where(eq(teams.id, given("teamId"))),
);

/** They go when a trusted upload wants their room. */
const anyUntrusted = prepared((queries) =>
  queries
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(and(eq(artifacts.teamId, given("teamId")), isUntrusted))
    .limit(1),
);

/** For whom room is taken. */
export interface Uploader {
  teamId: string;
  isTrusted: boolean;
}

/**
 * The quotas of the teams: what a team uses and has reserved never exceeds its own. What its uploads announce beyond that is
 * only promised, and nothing goes for it: what is promised to trusted uploads fits into the quota, and what is promised to
 * untrusted ones into a small share of it.
 */
export class TeamRoom {
  private readonly trusted = new Map<string, TeamShare>();
  private readonly untrusted = new Map<string, TeamShare>();
  /** What teams used, and might, when their last upload was refused. */
  private readonly refusedAt = new Map<string, { usedBytes: number; quotaBytes: number }>();
  private readonly shrinking = new Map<string, Promise<number>>();
  private waiters = 0;

  constructor(
    private readonly database: Database,
    private readonly evictor: Evictor,
    /** How long an upload waits for others of its team to end. */
    private readonly patienceMs: number,
  ) {}

  /** How many uploads wait for others of their team to end. */
  get waitingUploads(): number {
    return this.waiters;
  }

  /**
   * Makes an upload's share larger.
   * @throws Refusal `larger_than_quota` for more than the whole quota, or than untrusted uploads may take of it; `team_over_limit` for
   *   more than the team has left where its rule is to refuse; `no_space` when other uploads of the team take the quota for
   *   too long.
   */
  async grow(by: Uploader, before: TeamShare, wanted: TeamShare): Promise<void> {
    const { teamId, isTrusted } = by;
    for (const deadline = performance.now() + this.patienceMs; ; ) {
      const [team] = await teamOfId(this.database.read).execute({ teamId });
      const quotaBytes = team?.quotaBytes ?? null;
      const own = this.changed(by, before, wanted);
      if (!team || quotaBytes === null) return this.keep(by, own);
      const { slug, usedBytes, quotaRule } = team;
      const others = this.sharesOf(!isTrusted).get(teamId) ?? nothing;
      const reservedBytes = own.reservedBytes + others.reservedBytes;
      const mostBytes = isTrusted ? quotaBytes : Math.floor(quotaBytes * untrustedShare);
      // What strangers announce holds no trusted upload up.
      const promisedBytes = own.promisedBytes + (isTrusted ? 0 : others.promisedBytes);
      const isPromisable =
        own.promisedBytes <= mostBytes &&
        promisedBytes + (quotaRule === "refuse" ? usedBytes : 0) <= quotaBytes;
      if (isPromisable && usedBytes + reservedBytes <= quotaBytes) return this.keep(by, own);
      if (wanted.promisedBytes > mostBytes) {
        throw new Refusal(
          "larger_than_quota",
          isTrusted
            ? `${wanted.promisedBytes} bytes do not fit into team "${slug}"'s quota of ${quotaBytes}.`
            : `${wanted.promisedBytes} bytes are more than untrusted uploads may take of team "${slug}"'s quota at a time, ${mostBytes}.`,
        );
      }
      // What others have announced may never come, and is waited for under either rule.
      if (quotaRule === "refuse" && usedBytes + wanted.promisedBytes > quotaBytes) {
        if (isTrusted && (await this.shrink(teamId, quotaBytes - wanted.promisedBytes, true)) > 0) continue;
        if (isTrusted) this.refusedAt.set(teamId, { usedBytes, quotaBytes });
        throw new Refusal(
          "team_over_limit",
          `Team "${slug}" uses ${usedBytes} of its ${quotaBytes} bytes. ` +
            `\`larder team set ${slug} --quota\` gives it more, \`larder purge --team ${slug}\` makes room.`,
        );
      }
      if (performance.now() > deadline) {
        throw new Refusal(
          "no_space",
          `Other uploads of team "${slug}" take all of its quota. Try again later.`,
          5,
        );
      }
      const targetBytes = Math.min(quotaBytes - reservedBytes, Math.floor(quotaBytes * lowMark));
      const gone = isPromisable
        ? await this.shrink(teamId, targetBytes, !isTrusted || quotaRule === "refuse")
        : 0;
      if (gone > 0) continue;
      if (!isTrusted && usedBytes + wanted.promisedBytes > quotaBytes) {
        throw new Refusal(
          "larger_than_quota",
          `${wanted.promisedBytes} bytes are more than trusted work has left of team "${slug}"'s quota of ${quotaBytes}.`,
        );
      }
      // Where nothing could go, or nothing may, the end of another upload helps.
      this.waiters++;
      await Bun.sleep(roomPollMs);
      this.waiters--;
    }
  }

  /**
   * Those who ask meanwhile wait for the same round, and look again: each of its own would take out as much once more.
   * @returns how many artifacts went.
   */
  private async shrink(teamId: string, usedBytes: number, onlyUntrusted: boolean): Promise<number> {
    const round =
      this.shrinking.get(teamId) ??
      this.evictor
        .shrinkTeam(teamId, usedBytes, { onlyUntrusted })
        .finally(() => this.shrinking.delete(teamId));
    this.shrinking.set(teamId, round);
    return await round;
  }

  /** Takes an upload's share back. */
  give(by: Uploader, share: TeamShare): void {
    const left = this.changed(by, share, nothing);
    if (left.promisedBytes > 0) this.sharesOf(by.isTrusted).set(by.teamId, left);
    else this.sharesOf(by.isTrusted).delete(by.teamId);
  }

  /** Whether the team's uploads are refused: its quota is used up, or what was left of it was too little for the last one. */
  async isFull(teamId: string): Promise<boolean> {
    const [team] = await teamOfId(this.database.read).execute({ teamId });
    if (team?.quotaRule !== "refuse" || team.quotaBytes === null) return false;
    const refused = this.refusedAt.get(teamId);
    const isAsThen =
      refused !== undefined && team.usedBytes >= refused.usedBytes && team.quotaBytes <= refused.quotaBytes;
    if (!isAsThen) this.refusedAt.delete(teamId);
    const isFull = isAsThen || team.usedBytes >= team.quotaBytes;
    return isFull && (await anyUntrusted(this.database.read).execute({ teamId })).length === 0;
  }

  private keep(by: Uploader, share: TeamShare): void {
    this.sharesOf(by.isTrusted).set(by.teamId, share);
    if (by.isTrusted) this.refusedAt.delete(by.teamId);
  }

  private sharesOf(isTrusted: boolean): Map<string, TeamShare> {
    return isTrusted ? this.trusted : this.untrusted;
  }

  private changed({ teamId, isTrusted }: Uploader, before: TeamShare, after: TeamShare): TeamShare {
    const all = this.sharesOf(isTrusted).get(teamId) ?? nothing;
    return {
      reservedBytes: all.reservedBytes + after.reservedBytes - before.reservedBytes,
      promisedBytes: all.promisedBytes + after.promisedBytes - before.promisedBytes,
    };
  }
}
