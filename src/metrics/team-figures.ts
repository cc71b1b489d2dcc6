import { desc } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { teams } from "../database/schema.ts";

export interface TeamFigures {
  slug: string;
  /** Each blob counted once. */
  usedBytes: number;
  /** Null for no quota. */
  quotaBytes: number | null;
}

/** Each is a label's value, of which a monitoring system bears only so many. */
export const maxTeams = 200;

/** Of the teams that use the most. */
export async function readTeamFigures(database: Database): Promise<TeamFigures[]> {
  return await database.read
    .select({ slug: teams.slug, usedBytes: teams.usedBytes, quotaBytes: teams.quotaBytes })
    .from(teams)
    .orderBy(desc(teams.usedBytes), teams.id)
    .limit(maxTeams);
}
