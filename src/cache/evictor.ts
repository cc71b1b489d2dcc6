import { and, count, eq, gt, isNotNull, lt, notInArray, or, type SQL } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import { artifacts, teams } from "../database/schema.ts";
import { isTrusted, isUntrusted, type TakenOut, takeOut } from "./books.ts";
import type { Capacity } from "./capacity.ts";
import { type Collector, releaseGraceMs } from "./collector.ts";
import { Evictions, type Trust } from "./evictions.ts";
import { type Recency, recencyLagMs } from "./recency.ts";

export interface EvictorOptions {
  database: Database;
  capacity: Capacity;
  collector: Collector;
  recency: Recency;
  /** Artifacts that were not used for so long go, unless their team has a limit of its own; undefined for never. */
  maxAgeMs: number | undefined;
  /** The same for untrusted artifacts, whatever else holds for them. */
  scopeMaxAgeMs: number | undefined;
  log: Logger;
}

/**
 * Makes room: what is untrusted goes before all that is trusted, then that of a team over its quota before that of others,
 * and what was used least recently first. Nothing trusted goes for what is untrusted.
 */
export class Evictor {
  readonly evictions = new Evictions();
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

  /**
   * Takes out a team's own artifacts until what it uses is at most `usedBytes`, or nothing is left that may go.
   * @returns how many artifacts.
   */
  async shrinkTeam(
    teamId: string,
    usedBytes: number,
    { onlyUntrusted = false }: { onlyUntrusted?: boolean } = {},
  ): Promise<number> {
    await this.options.recency.flush();
    let gone = await this.shrinkTeamBy(teamId, usedBytes, isUntrusted);
    if (!onlyUntrusted) gone += await this.shrinkTeamBy(teamId, usedBytes, isTrusted);
    if (gone > 0)
      this.options.log.info({ teamId, artifacts: gone }, "artifacts of a team at its quota evicted");
    return gone;
  }

  private async shrinkTeamBy(teamId: string, usedBytes: number, which: SQL): Promise<number> {
    for (let gone = 0; ; ) {
      const excess = (await this.usedBytes(teamId)) - usedBytes;
      if (excess <= 0) return gone;
      const went = await takeOut(this.options.database, and(eq(artifacts.teamId, teamId), which), {
        enough: (releasedBytes) => releasedBytes >= excess,
        onGone: (gone) => this.evictions.add("quota", gone),
      });
      if (went === 0) return gone;
      // Bytes that the team shares with itself under several hashes free nothing before the last of them has gone.
      gone += went;
    }
  }

  /** Takes out what was not used for longer than the server's limit, the team's or that of scopes. @returns how many artifacts. */
  async expire(now = Date.now(), signal?: AbortSignal): Promise<number> {
    await this.options.recency.flush();
    let gone = 0;
    for (const condition of await this.tooOld(now)) {
      gone += await takeOut(this.options.database, condition, {
        enough: () => signal?.aborted ?? false,
        onGone: (gone) => this.evictions.add("age", gone),
      });
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

  /** Takes out what is stored beyond the server's limit and not on its way out already. @returns how many artifacts. */
  async takeOutExcess(): Promise<number> {
    const { capacity, database } = this.options;
    let gone = await this.takeOutAll("untrusted", (leaving) => capacity.excessBytes(leaving));
    gone += await this.takeOutAll("trusted", (leaving) => capacity.trustedExcessBytes(leaving));
    if (gone > 0) await this.evictions.keep(database);
    return gone;
  }

  /** @param excessOf what has to go yet when so much is on its way out. */
  private async takeOutAll(which: Trust, excessOf: (leavingBytes: number) => number): Promise<number> {
    let youngest: number | undefined;
    const onGone = (gone: TakenOut) => {
      this.evictions.add("room", gone);
      youngest = Math.max(youngest ?? 0, gone.lastUsedAt);
    };
    try {
      for (let gone = 0; ; ) {
        if (excessOf(0) === 0) return gone;
        const { sizeBytes: leavingBytes } = await this.options.collector.waiting();
        const went = await this.takeOutBytes(which, excessOf(leavingBytes), onGone);
        if (went === 0) return gone;
        // Bytes that others share free nothing before the last of them has gone, so it may not have been enough.
        gone += went;
      }
    } finally {
      this.evictions.endRound(which, youngest);
    }
  }

  private async takeOutBytes(
    which: Trust,
    sizeBytes: number,
    onGone: (gone: TakenOut) => void,
  ): Promise<number> {
    if (sizeBytes === 0) return 0;
    let gone = 0;
    let freed = 0;
    for (const { condition, atMost } of await this.inOrder()) {
      const before = freed;
      const enough = (releasedBytes: number) => {
        freed = before + releasedBytes;
        return freed >= sizeBytes || freed - before >= atMost;
      };
      const ofTrust = which === "trusted" ? isTrusted : isUntrusted;
      gone += await takeOut(this.options.database, and(condition, ofTrust), { enough, onGone });
      if (freed >= sizeBytes) break;
    }
    return gone;
  }

  /** How many artifacts `expire` would take out. */
  async countTooOld(now = Date.now()): Promise<number> {
    const conditions = await this.tooOld(now);
    if (conditions.length === 0) return 0;
    const [row] = await this.options.database.read
      .select({ artifacts: count() })
      .from(artifacts)
      .where(or(...conditions));
    return row?.artifacts ?? 0;
  }

  /** What the teams over their quota have too much. */
  async countOverQuota(): Promise<number> {
    const over = await this.teamsOverQuota();
    return over.reduce((total, team) => total + team.usedBytes - (team.quotaBytes ?? 0), 0);
  }

  private async tooOld(now: number): Promise<(SQL | undefined)[]> {
    const { database, maxAgeMs, scopeMaxAgeMs } = this.options;
    const knownUntil = now - recencyLagMs;
    const own = await database.read.select().from(teams).where(isNotNull(teams.maxAgeMs));
    const conditions = own.map((team) =>
      and(eq(artifacts.teamId, team.id), lt(artifacts.lastUsedAt, knownUntil - (team.maxAgeMs as number))),
    );
    if (scopeMaxAgeMs !== undefined)
      conditions.push(and(isUntrusted, lt(artifacts.lastUsedAt, knownUntil - scopeMaxAgeMs)));
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
    // Where untrusted uploads alone want room, nothing may be left that could go for them.
    if (gone + collected.blobs > 0) log.info({ artifacts: gone, ...collected }, "artifacts evicted");
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
