import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { Evictor } from "./evictor.ts";

/** A team at its quota is brought down to this share of it, so that not every upload has to evict. */
const lowMark = 0.95;
const roomPollMs = 20;

/** The quotas of the teams: what a team uses and has reserved never exceeds its own. */
export class TeamRoom {
  private readonly reserved = new Map<string, number>();
  private readonly shrinking = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly evictor: Evictor,
    /** How long an upload waits for others of its team to end. */
    private readonly patienceMs: number,
  ) {}

  /**
   * @param takenBytes what the same upload has taken before.
   * @throws Refusal `team_over_limit` where the team's rule is to refuse, `too_large` for more than the whole quota,
   *   `no_space` when others of the team fill the quota for too long.
   */
  async take(teamId: string, sizeBytes: number, takenBytes = 0): Promise<void> {
    const wanted = () => (this.reserved.get(teamId) ?? 0) + sizeBytes;
    for (const deadline = performance.now() + this.patienceMs; ; ) {
      const [team] = await this.database.read.select().from(teams).where(eq(teams.id, teamId));
      const quotaBytes = team?.quotaBytes ?? null;
      if (!team || quotaBytes === null || team.usedBytes + wanted() <= quotaBytes) {
        this.reserved.set(teamId, wanted());
        return;
      }
      if (team.quotaRule === "refuse") {
        throw new Refusal(
          "team_over_limit",
          `Team "${team.slug}" uses ${team.usedBytes} of its ${quotaBytes} bytes. ` +
            `\`larder team set ${team.slug} --quota\` gives it more, \`larder purge --team ${team.slug}\` makes room.`,
        );
      }
      if (takenBytes + sizeBytes > quotaBytes) {
        throw new Refusal(
          "too_large",
          `${takenBytes + sizeBytes} bytes do not fit into team "${team.slug}"'s quota of ${quotaBytes}.`,
        );
      }
      if (performance.now() > deadline) {
        throw new Refusal(
          "no_space",
          `Other uploads of team "${team.slug}" take all of its quota. Try again later.`,
          5,
        );
      }
      const leftBytes = quotaBytes - wanted();
      // Where nothing could go, the end of another upload helps.
      if (leftBytes < 0) await Bun.sleep(roomPollMs);
      else await this.shrink(teamId, Math.min(leftBytes, Math.floor(quotaBytes * lowMark)));
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

  give(teamId: string, sizeBytes: number): void {
    const left = (this.reserved.get(teamId) ?? 0) - sizeBytes;
    if (left > 0) this.reserved.set(teamId, left);
    else this.reserved.delete(teamId);
  }

  /** Whether the team's next upload would be refused. */
  async isFull(teamId: string): Promise<boolean> {
    const [team] = await this.database.read.select().from(teams).where(eq(teams.id, teamId));
    return team?.quotaRule === "refuse" && team.quotaBytes !== null && team.usedBytes >= team.quotaBytes;
  }
}
