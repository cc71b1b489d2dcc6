import { asc, inArray, type SQL, sql } from "drizzle-orm";
import type { AnySQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Database } from "./database.ts";

/** Short enough that no request notices a step. */
const rowsPerStep = 2_000;
/** What SQLite knows every row by, also where the key is of many columns. */
const rowId = sql<number>`rowid`;

export interface StepsOptions {
  /** What goes first; not said where it does not matter. */
  order?: readonly AnySQLiteColumn[];
  /** How many rows, if not all that meet the condition. */
  atMost?: number;
  /** Ends it between two steps. */
  signal?: AbortSignal | undefined;
}

/**
 * Deletes the rows that meet the condition, some at a time, and lets others write in between.
 * @returns how many went.
 */
export async function deleteInSteps(
  database: Database,
  table: SQLiteTable,
  condition: SQL | undefined,
  { order = [], atMost = Number.POSITIVE_INFINITY, signal }: StepsOptions = {},
): Promise<number> {
  let gone = 0;
  while (gone < atMost && !signal?.aborted) {
    const rows = Math.min(rowsPerStep, atMost - gone);
    const went = await database.write(async (tx) => {
      const next = tx
        .select({ rowId })
        .from(table)
        .where(condition)
        .orderBy(...order.map((column) => asc(column)))
        .limit(rows);
      return (await tx.delete(table).where(inArray(rowId, next)).returning({ rowId })).length;
    });
    gone += went;
    if (went < rows) break;
  }
  return gone;
}
