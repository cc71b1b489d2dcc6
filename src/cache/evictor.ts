import { and, count, eq, gt, isNotNull, lt, notInArray, type SQL } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import { artifacts, teams } from "../database/schema.ts";
import { takeOut } from "./books.ts";
import type { Capacity } from "./capacity.ts";
import { type Collector, releaseGraceMs } from "./collector.ts";
import { type Recency, recencyLagMs } from "./recency.ts";

export interface EvictorOptions {
  database: Database;
  capacity: Capacity;
  collector: Collector;
  recency: Recency;
  /** Artifacts that were not used for so long go, unless their team has a limit of its own; undefined for never. */
  maxAgeMs: number | undefined;
  log: Logger;
}

/** Makes room: what was used least recently goes first, and of a team over its quota before all others. */
export class Evictor {
  private making: Promise<void> | undefined;
  private isStopped = false;

  constructor(private readonly options: EvictorOptions) {
    options.capacity.makeRoom = () => this.makeRoom();
  }

  /** Begins to make room if there is little left. Nobody waits for it. */
  wake(): void {
    if (this.isStopped) return;
    if (this.options.capacity.excessBytes() === 0) return;
    this.makeRoom().catch((error) => this.options.log.error({ err: error }, "eviction failed"));
  }

  /** Resolves when what could go for those who wait has gone. Those who ask meanwhile wait for the same round. */
  async makeRoom(): Promise<void> {
    this.making ??= this.round().finally(() => {
      this.making = undefined;
    });
    await this.making;
  }

  /** Wakes no more, and waits for the round that is under way. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.making?.catch(() => {});
  }

  /** Takes out a team's own artifacts until what it uses is at most `usedBytes`. @returns how many artifacts. */
  async shrinkTeam(teamId: string, usedBytes: number): Promise<number> {
    await this.options.recency.flush();
    const excess = (await this.usedBytes(teamId)) - usedBytes;
    if (excess <= 0) return 0;
    const gone = await takeOut(this.options.database, eq(artifacts.teamId, teamId), {
      enough: (releasedBytes) => releasedBytes >= excess,
    });
    this.options.log.info({ teamId, artifacts: gone }, "artifacts of a team at its quota evicted");
    // Bytes that the team shares with itself under several hashes free nothing before the last of them has gone.
    if (gone === 0 || (await this.usedBytes(teamId)) <= usedBytes) return gone;
    return gone + (await this.shrinkTeam(teamId, usedBytes));
  }

  /** Takes out what was not used for longer than the server's limit or the team's. @returns how many artifacts. */
  async expire(now = Date.now(), signal?: AbortSignal): Promise<number> {
    await this.options.recency.flush();
    let gone = 0;
    for (const condition of await this.tooOld(now)) {
      gone += await takeOut(this.options.database, condition, { enough: () => signal?.aborted ?? false });
    }
    return gone;
  }

  /** Takes out what teams have beyond their quota, which happens when a quota is lowered. @returns how many artifacts. */
  async shrinkTeams(): Promise<number> {
    let gone = 0;
    for (const team of await this.teamsOverQuota())
      gone += await this.shrinkTeam(team.id, team.quotaBytes ?? 0);
    return gone;
  }

  /**
   * Takes out what is stored beyond the server's limit. Blobs that were let go of before count as stored until they are
   * collected. @returns how many artifacts.
   */
  async takeOutExcess(): Promise<number> {
    const left = this.options.capacity.excessBytes();
    if (left === 0) return 0;
    let gone = 0;
    let freed = 0;
    for (const { condition, atMost } of await this.inOrder()) {
      const before = freed;
      const enough = (releasedBytes: number) => {
        freed = before + releasedBytes;
        return freed >= left || freed - before >= atMost;
      };
      gone += await takeOut(this.options.database, condition, { enough });
      if (freed >= left) break;
    }
    return gone;
  }

  /** How many artifacts `expire` would take out. */
  async countTooOld(now = Date.now()): Promise<number> {
    let total = 0;
    for (const condition of await this.tooOld(now)) {
      const [row] = await this.options.database.read
        .select({ artifacts: count() })
        .from(artifacts)
        .where(condition);
      total += row?.artifacts ?? 0;
    }
    return total;
  }

  /** What the teams over their quota have too much. */
  async countOverQuota(): Promise<number> {
    const over = await this.teamsOverQuota();
    return over.reduce((total, team) => total + team.usedBytes - (team.quotaBytes ?? 0), 0);
  }

  private async tooOld(now: number): Promise<(SQL | undefined)[]> {
    const { database, maxAgeMs } = this.options;
    const knownUntil = now - recencyLagMs;
    const own = await database.read.select().from(teams).where(isNotNull(teams.maxAgeMs));
    const conditions = own.map((team) =>
      and(eq(artifacts.teamId, team.id), lt(artifacts.lastUsedAt, knownUntil - (team.maxAgeMs as number))),
    );
    if (maxAgeMs === undefined) return conditions;
    const ids = own.map((team) => team.id);
    const others = ids.length > 0 ? notInArray(artifacts.teamId, ids) : undefined;
    return [...conditions, and(others, lt(artifacts.lastUsedAt, knownUntil - maxAgeMs))];
  }

  private async round(): Promise<void> {
    const { capacity, collector, recency, log } = this.options;
    if (capacity.excessBytes() === 0) return;
    await recency.flush();
    // What was let go of before counts as stored until it is collected, and may be all that is needed.
    await collector.collect();
    if (capacity.excessBytes() === 0) return;
    const gone = await this.takeOutExcess();
    await Bun.sleep(releaseGraceMs);
    const collected = await collector.collect();
    log.info({ artifacts: gone, ...collected }, "artifacts evicted");
  }

  /** What teams have beyond their quota first, then everybody. */
  private async inOrder(): Promise<{ condition?: SQL; atMost: number }[]> {
    const over = await this.teamsOverQuota();
    return [
      ...over.map(({ id, usedBytes, quotaBytes }) => ({
        condition: eq(artifacts.teamId, id),
        atMost: usedBytes - (quotaBytes ?? 0),
      })),
      { atMost: Number.POSITIVE_INFINITY },
    ];
  }

  /** Of the teams whose artifacts go at their quota. What others have stays, and only uploads are refused. */
  private async teamsOverQuota() {
    return await this.options.database.read
      .select()
      .from(teams)
      .where(and(eq(teams.quotaRule, "evict"), gt(teams.usedBytes, teams.quotaBytes)));
  }

  private async usedBytes(teamId: string): Promise<number> {
    const [team] = await this.options.database.read
      .select({ usedBytes: teams.usedBytes })
      .from(teams)
      .where(eq(teams.id, teamId));
    return team?.usedBytes ?? 0;
  }
}
