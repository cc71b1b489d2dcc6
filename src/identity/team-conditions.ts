import { and, desc, eq, gt, gte, isNotNull, lt, max, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, teams } from "../database/schema.ts";
import type { QuotaRule, TeamState } from "./teams.ts";

/** What there may be to say of a team. */
export interface TeamCondition {
  id: string;
  slug: string;
  state: TeamState;
  usedBytes: number;
  quotaBytes: number | null;
  quotaRule: QuotaRule;
  /** When any of its artifacts was uploaded or downloaded last; null where it has none. */
  lastUsedAt: number | null;
}

/** The last entry of the index of a team's artifacts. */
const lastUse = prepared((queries) =>
  queries
    .select({ at: max(artifacts.lastUsedAt) })
    .from(artifacts)
    .where(eq(artifacts.teamId, given("teamId"))),
);

/** More than anybody reads; whoever has so many sees what is the matter from the first of them. */
const maxTeams = 100;

/**
 * The teams that are not enabled, or have used so much of their quota, or whose artifacts nobody has used since then: of each
 * kind some at most, those first that use the most.
 */
export async function teamConditions(
  database: Database,
  { quotaShare, unusedSince }: { quotaShare: number; unusedSince: number },
): Promise<TeamCondition[]> {
  const select = async (condition: SQL | undefined): Promise<TeamCondition[]> => {
    const found = await database.read
      .select({
        id: teams.id,
        slug: teams.slug,
        state: teams.state,
        usedBytes: teams.usedBytes,
        quotaBytes: teams.quotaBytes,
        quotaRule: teams.quotaRule,
      })
      .from(teams)
      .where(condition)
      .orderBy(desc(teams.usedBytes), teams.id)
      .limit(maxTeams);
    // Within the statement SQLite would ask for it of all teams, before it takes the first of them.
    return await Promise.all(
      found.map(async (team) => {
        const [row] = await lastUse(database.read).execute({ teamId: team.id });
        return { ...team, lastUsedAt: row?.at ?? null };
      }),
    );
  };
  const amiss = await select(
    or(
      ne(teams.state, "enabled"),
      and(isNotNull(teams.quotaBytes), gte(teams.usedBytes, sql`${teams.quotaBytes} * ${quotaShare}`)),
    ),
  );
  const largest = await select(and(gt(teams.usedBytes, 0), lt(teams.createdAt, unusedSince)));
  const unused = largest.filter((team) => team.lastUsedAt !== null && team.lastUsedAt < unusedSince);
  return [...new Map([...amiss, ...unused].map((team) => [team.id, team])).values()];
}
