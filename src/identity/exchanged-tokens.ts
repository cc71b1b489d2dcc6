import { and, eq, isNotNull, lte, notExists, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { artifacts, tokens } from "../database/schema.ts";

/**
 * Removes the tokens of CI jobs that expired before `expiredBefore`, but for those that wrote something that is still kept:
 * of that, one shall be able to tell whose job it was.
 * @returns how many.
 */
export async function removeExchangedTokens(
  database: Database,
  expiredBefore: number,
  signal?: AbortSignal,
): Promise<number> {
  const written = sql`(select 1 from ${artifacts} where ${eq(artifacts.writtenBy, tokens.id)})`;
  const isOver = and(isNotNull(tokens.policyId), lte(tokens.expiresAt, expiredBefore), notExists(written));
  return await deleteInSteps(database, tokens, isOver, { signal });
}
