import { and, asc, eq, lt } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { runs, tokens, usageDays, usageHours } from "../database/schema.ts";

const dayMs = 86_400_000;

/**
 * Takes out, some at a time, what a team has very many rows of, so that its own row, which takes the rest with it, goes at once.
 * What comes meanwhile is little.
 */
export async function forgetManyRowsOf(database: Database, teamId: string): Promise<void> {
  await deleteInSteps(database, runs, eq(runs.teamId, teamId));
  for (const table of [usageHours, usageDays]) await forgetSums(database, table, teamId);
  await deleteInSteps(database, tokens, eq(tokens.teamId, teamId));
}

async function forgetSums(
  database: Database,
  table: typeof usageHours | typeof usageDays,
  teamId: string,
): Promise<void> {
  for (let isMore = true; isMore; ) {
    isMore = await database.write(async (tx) => {
      const [oldest] = await tx
        .select({ startAt: table.startAt })
        .from(table)
        .where(eq(table.teamId, teamId))
        .orderBy(asc(table.startAt))
        .limit(1);
      if (!oldest) return false;
      await tx.delete(table).where(and(eq(table.teamId, teamId), lt(table.startAt, oldest.startAt + dayMs)));
      return true;
    });
  }
}
