import { and, desc, eq, gt, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { policies, teams, tokens, usageDays, usageHours } from "../database/schema.ts";
import type { Origin } from "./asker.ts";
import { type Counters, counterNames, noCounters, type Totals, totalsOf } from "./counters.ts";
import { stepMs, type UsageSpan } from "./usage-span.ts";

/** Which uses; what is not said does not matter. */
export interface UsageFilter {
  span: UsageSpan;
  teamIds?: readonly string[];
  tool?: string;
}

export interface TotalsAt extends Totals {
  /** When the step begins, in milliseconds since 1970. */
  startAt: number;
}

export interface TotalsOfTeam extends Totals {
  /** Its slug. */
  team: string;
  teamId: string;
}

export interface TotalsOfOrigin extends Totals, Origin {
  /** As it is called now; its id where it is gone. */
  name: string;
}

type Rollup = typeof usageHours | typeof usageDays;

/** Tells what was counted, from what is summed up by hours and days: it takes as long whatever happened in them. */
export class UsageHistory {
  constructor(private readonly database: Database) {}

  async totals(filter: UsageFilter): Promise<Totals> {
    const table = tableOf(filter);
    const [row] = await this.database.read.select(sums(table)).from(table).where(conditionOf(table, filter));
    return totalsOf(row ?? noCounters());
  }

  /** One for each step of the span, also where nothing happened. */
  async series(filter: UsageFilter): Promise<TotalsAt[]> {
    const { since, until, step } = filter.span;
    const table = tableOf(filter);
    const rows = await this.database.read
      .select({ startAt: table.startAt, ...sums(table) })
      .from(table)
      .where(conditionOf(table, filter))
      .groupBy(table.startAt);
    const found = new Map(rows.map(({ startAt, ...counters }) => [startAt, counters]));
    const series: TotalsAt[] = [];
    for (let startAt = since; startAt < until; startAt += stepMs[step]) {
      series.push({ startAt, ...totalsOf(found.get(startAt) ?? noCounters()) });
    }
    return series;
  }

  /** Those in which anything happened, in the order of their slugs. */
  async byTeam(filter: UsageFilter): Promise<TotalsOfTeam[]> {
    const table = tableOf(filter);
    const rows = await this.database.read
      .select({ team: teams.slug, teamId: table.teamId, ...sums(table) })
      .from(table)
      .innerJoin(teams, eq(teams.id, table.teamId))
      .where(conditionOf(table, filter))
      .groupBy(table.teamId)
      .orderBy(teams.slug);
    return rows.map(({ team, teamId, ...counters }) => ({ team, teamId, ...totalsOf(counters) }));
  }

  /** Those that uploaded most come first, then those that asked most. */
  async byOrigin(filter: UsageFilter, atMost: number): Promise<TotalsOfOrigin[]> {
    const table = tableOf(filter);
    const summed = sums(table);
    const asked = sql`${summed.remoteHits} + ${summed.remoteMisses} + ${summed.localHits} + ${summed.localMisses}`;
    const rows = await this.database.read
      .select({
        kind: table.originKind,
        id: table.originId,
        tokenName: tokens.name,
        policyName: policies.name,
        ...summed,
      })
      .from(table)
      .leftJoin(tokens, and(eq(table.originKind, "token"), eq(tokens.id, table.originId)))
      .leftJoin(policies, and(eq(table.originKind, "policy"), eq(policies.id, table.originId)))
      .where(conditionOf(table, filter))
      .groupBy(table.originKind, table.originId)
      .orderBy(desc(summed.uploadedBytes), desc(asked), table.originId)
      .limit(atMost);
    return rows.map(({ kind, id, tokenName, policyName, ...counters }) => ({
      kind,
      id,
      name: tokenName ?? policyName ?? (kind === "anonymous" ? "anonymous" : id),
      ...totalsOf(counters),
    }));
  }

  /** Whether the server has ever given anything back. */
  async hasRemoteHit(teamIds?: readonly string[]): Promise<boolean> {
    const [row] = await this.database.read
      .select({ startAt: usageDays.startAt })
      .from(usageDays)
      .where(and(gt(usageDays.remoteHits, 0), ofTeams(usageDays, teamIds)))
      .limit(1);
    return row !== undefined;
  }
}

function tableOf({ span }: UsageFilter): Rollup {
  return span.step === "hour" ? usageHours : usageDays;
}

function conditionOf(table: Rollup, { span, teamIds, tool }: UsageFilter): SQL | undefined {
  return and(
    gte(table.startAt, span.since),
    lt(table.startAt, span.until),
    ofTeams(table, teamIds),
    tool === undefined ? undefined : eq(table.tool, tool),
  );
}

function ofTeams(table: Rollup, teamIds: readonly string[] | undefined): SQL | undefined {
  return teamIds && inArray(table.teamId, [...teamIds]);
}

function sums(table: Rollup): Record<keyof Counters, SQL.Aliased<number>> {
  const entries = counterNames.map((name) => [
    name,
    sql<number>`coalesce(sum(${table[name]}), 0)`.mapWith(Number).as(`${name}_sum`),
  ]);
  return Object.fromEntries(entries);
}
