import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
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

/**
 * The quotas of the teams: what a team uses and has reserved never exceeds its own. What its uploads announce beyond that is
 * only promised: all promises together fit into the quota, and nothing goes for them.
 */
export class TeamRoom {
  private readonly shares = new Map<string, TeamShare>();
  /** What teams used, and might, when their last upload was refused. */
  private readonly refusedAt = new Map<string, { usedBytes: number; quotaBytes: number }>();
  private readonly shrinking = new Map<string, Promise<unknown>>();

  constructor(
    private readonly database: Database,
    private readonly evictor: Evictor,
    /** How long an upload waits for others of its team to end. */
    private readonly patienceMs: number,
  ) {}

  /**
   * Makes an upload's share larger.
   * @throws Refusal `too_large` for more than the whole quota, `team_over_limit` for more than the team has left where its
   *   rule is to refuse, `no_space` when other uploads of the team take the quota for too long.
   */
  async grow(teamId: string, before: TeamShare, wanted: TeamShare): Promise<void> {
    for (const deadline = performance.now() + this.patienceMs; ; ) {
      const [team] = await teamOfId(this.database.read).execute({ teamId });
      const quotaBytes = team?.quotaBytes ?? null;
      const all = this.changed(teamId, before, wanted);
      const isPromisable =
        quotaBytes === null ||
        all.promisedBytes + (team?.quotaRule === "refuse" ? team.usedBytes : 0) <= quotaBytes;
      if (
        !team ||
        quotaBytes === null ||
        (isPromisable && team.usedBytes + all.reservedBytes <= quotaBytes)
      ) {
        this.shares.set(teamId, all);
        this.refusedAt.delete(teamId);
        return;
      }
      if (wanted.promisedBytes > quotaBytes) {
        throw new Refusal(
          "too_large",
          `${wanted.promisedBytes} bytes do not fit into team "${team.slug}"'s quota of ${quotaBytes}.`,
        );
      }
      // What others have announced may never come, and is waited for under either rule.
      if (team.quotaRule === "refuse" && team.usedBytes + wanted.promisedBytes > quotaBytes) {
        this.refusedAt.set(teamId, { usedBytes: team.usedBytes, quotaBytes });
        throw new Refusal(
          "team_over_limit",
          `Team "${team.slug}" uses ${team.usedBytes} of its ${quotaBytes} bytes. ` +
            `\`larder team set ${team.slug} --quota\` gives it more, \`larder purge --team ${team.slug}\` makes room.`,
        );
      }
      if (performance.now() > deadline) {
        throw new Refusal(
          "no_space",
          `Other uploads of team "${team.slug}" take all of its quota. Try again later.`,
          5,
        );
      }
      // Where nothing could go, or nothing may, the end of another upload helps.
      if (!isPromisable) await Bun.sleep(roomPollMs);
      else {
        const leftBytes = quotaBytes - all.reservedBytes;
        await this.shrink(teamId, Math.min(leftBytes, Math.floor(quotaBytes * lowMark)));
      }
    }
  }

  /** Those who ask meanwhile wait for the same round, and look again: each of its own would take out as much once more. */
  private async shrink(teamId: string, usedBytes: number): Promise<void> {
    const round =
      this.shrinking.get(teamId) ??
      this.evictor.shrinkTeam(teamId, usedBytes).finally(() => this.shrinking.delete(teamId));
    this.shrinking.set(teamId, round);
    await round;
  }

  /** Takes an upload's share back. */
  give(teamId: string, share: TeamShare): void {
    const left = this.changed(teamId, share, nothing);
    if (left.promisedBytes > 0) this.shares.set(teamId, left);
    else this.shares.delete(teamId);
  }

  private changed(teamId: string, before: TeamShare, after: TeamShare): TeamShare {
    const all = this.shares.get(teamId) ?? nothing;
    return {
      reservedBytes: all.reservedBytes + after.reservedBytes - before.reservedBytes,
      promisedBytes: all.promisedBytes + after.promisedBytes - before.promisedBytes,
    };
  }

  /** Whether the team's uploads are refused: its quota is used up, or what was left of it was too little for the last one. */
  async isFull(teamId: string): Promise<boolean> {
    const [team] = await teamOfId(this.database.read).execute({ teamId });
    if (team?.quotaRule !== "refuse" || team.quotaBytes === null) return false;
    const refused = this.refusedAt.get(teamId);
    const isAsThen =
      refused !== undefined && team.usedBytes >= refused.usedBytes && team.quotaBytes <= refused.quotaBytes;
    if (!isAsThen) this.refusedAt.delete(teamId);
    return isAsThen || team.usedBytes >= team.quotaBytes;
  }
}
