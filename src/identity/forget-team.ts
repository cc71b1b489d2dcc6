import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { runs, tokens, usageDays, usageHours } from "../database/schema.ts";

/**
 * Takes out, some at a time, what a team has very many rows of, so that its own row, which takes the rest with it, goes at once.
 * What comes meanwhile is little.
 */
export async function forgetManyRowsOf(database: Database, teamId: string): Promise<void> {
  for (const table of [runs, usageHours, usageDays, tokens])
    await deleteInSteps(database, table, eq(table.teamId, teamId));
}
