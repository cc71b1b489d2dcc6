import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import {
  runs,
  teamStorageHistory,
  tokens,
  usageDays,
  usageHours,
  usageMonths,
  usageTeamDays,
  usageTeamHours,
} from "../database/schema.ts";

const tables = [
  runs,
  usageHours,
  usageDays,
  usageMonths,
  usageTeamHours,
  usageTeamDays,
  teamStorageHistory,
  tokens,
];

/**
 * Takes out, some at a time, what a team has very many rows of, so that its own row, which takes the rest with it, goes at once.
 * What comes meanwhile is little.
 */
export async function forgetManyRowsOf(database: Database, teamId: string): Promise<void> {
  for (const table of tables) await deleteInSteps(database, table, eq(table.teamId, teamId));
}
