import { and, desc, eq, gt, gte, inArray, lt, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { unionAll } from "drizzle-orm/sqlite-core";
import type { Database, Queries } from "../database/database.ts";
import { policies, teams, tokens, usageTeamDays } from "../database/schema.ts";
import type { Origin } from "./asker.ts";
import { type Counters, counterNames, noCounters, type Totals, totalsOf } from "./counters.ts";
import { type OriginRollup, originRollups, type TeamRollup, teamRollups } from "./rollups.ts";
import { type RollupSpan, rollupSpans, stepMs, type UsageSpan } from "./usage-span.ts";

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

/** Tells what was counted, from what is summed up by hours, days and months: it takes as long whatever happened in them. */
export class UsageHistory {
  constructor(private readonly database: Database) {}

  async totals(filter: UsageFilter): Promise<Totals> {
    const table = teamRollups[filter.span.step];
    const [row] = await this.database.read.select(sums(table)).from(table).where(conditionOf(table, filter));
    return totalsOf(row ?? noCounters());
  }

  /** One for each step of the span, also where nothing happened. */
  async series(filter: UsageFilter): Promise<TotalsAt[]> {
    const { since, until, step } = filter.span;
    const table = teamRollups[filter.span.step];
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
    const table = teamRollups[filter.span.step];
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
    const { read } = this.database;
    const [first, middle, last] = rollupSpans(filter.span);
    const parts = unionAll(
      ofOrigins(read, filter, first),
      ofOrigins(read, filter, middle),
      ofOrigins(read, filter, last),
    ).as("parts");
    // The names of each are looked up once, and not for each of its rows.
    const summed = read
      .select({ kind: parts.originKind, id: parts.originId, ...sums(parts) })
      .from(parts)
      .groupBy(parts.originKind, parts.originId)
      .as("summed");
    const asked = sql`${summed.remoteHits} + ${summed.remoteMisses} + ${summed.localHits} + ${summed.localMisses}`;
    const rows = await read
      .select({
        kind: summed.kind,
        id: summed.id,
        tokenName: tokens.name,
        policyName: policies.name,
        ...countersOf(summed),
      })
      .from(summed)
      .leftJoin(tokens, and(eq(summed.kind, "token"), eq(tokens.id, summed.id)))
      .leftJoin(policies, and(eq(summed.kind, "policy"), eq(policies.id, summed.id)))
      .orderBy(desc(summed.uploadedBytes), desc(asked), summed.id)
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
      .select({ startAt: usageTeamDays.startAt })
      .from(usageTeamDays)
      .where(and(gt(usageTeamDays.remoteHits, 0), ofTeams(usageTeamDays, teamIds)))
      .limit(1);
    return row !== undefined;
  }
}

/** The rows of one part of the span. */
function ofOrigins(read: Queries, filter: UsageFilter, { since, until, step }: RollupSpan) {
  const table = originRollups[step];
  const { originKind, originId } = table;
  return read
    .select({ originKind, originId, ...countersOf(table) })
    .from(table)
    .where(conditionOf(table, filter, { since, until }));
}

function conditionOf(
  table: OriginRollup | TeamRollup,
  { span, teamIds, tool }: UsageFilter,
  { since, until }: Pick<UsageSpan, "since" | "until"> = span,
): SQL | undefined {
  return and(
    gte(table.startAt, since),
    lt(table.startAt, until),
    ofTeams(table, teamIds),
    tool === undefined ? undefined : eq(table.tool, tool),
  );
}

function ofTeams(table: OriginRollup | TeamRollup, teamIds: readonly string[] | undefined): SQL | undefined {
  return teamIds && inArray(table.teamId, [...teamIds]);
}

function countersOf<Columns extends Record<keyof Counters, unknown>>(columns: Columns) {
  const entries = counterNames.map((name) => [name, columns[name]]);
  return Object.fromEntries(entries) as Pick<Columns, keyof Counters>;
}

function sums(columns: Record<keyof Counters, SQLWrapper>): Record<keyof Counters, SQL.Aliased<number>> {
  const entries = counterNames.map((name) => [
    name,
    sql<number>`coalesce(sum(${columns[name]}), 0)`.mapWith(Number).as(`${name}_sum`),
  ]);
  return Object.fromEntries(entries);
}
