import { and, eq, inArray, isNotNull, lte, notExists } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { artifacts, tokens } from "../database/schema.ts";

const batchSize = 1_000;

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
  let removed = 0;
  while (!signal?.aborted) {
    const rows = await database.write((tx) =>
      tx
        .delete(tokens)
        .where(
          inArray(
            tokens.id,
            tx
              .select({ id: tokens.id })
              .from(tokens)
              .where(
                and(
                  isNotNull(tokens.policyId),
                  lte(tokens.expiresAt, expiredBefore),
                  notExists(tx.select().from(artifacts).where(eq(artifacts.writtenBy, tokens.id))),
                ),
              )
              .limit(batchSize),
          ),
        )
        .returning({ id: tokens.id }),
    );
    removed += rows.length;
    if (rows.length < batchSize) break;
  }
  return removed;
}
