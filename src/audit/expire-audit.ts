import { and, asc, eq, inArray, lt, type SQL } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { audit } from "../database/schema.ts";
import { isNoUpload, uploadKind } from "./audit-log.ts";

/** Short enough that no request notices the deletion. */
export const rowsPerDeletion = 2_000;

/** How long what is kept, both in milliseconds; undefined for ever. */
export interface AuditAges {
  /** Of rows that tell of uploads. */
  uploadMaxAgeMs: number | undefined;
  /** Of all others. */
  maxAgeMs: number | undefined;
}

/** Forgets what is too old, a few rows at a time. */
export async function expireAudit(
  database: Database,
  { uploadMaxAgeMs, maxAgeMs }: AuditAges,
  { now = Date.now(), signal }: { now?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const expired: SQL[] = [];
  const olderThan = (ageMs: number) => lt(audit.createdAt, now - ageMs);
  if (uploadMaxAgeMs !== undefined)
    expired.push(and(eq(audit.kind, uploadKind), olderThan(uploadMaxAgeMs)) as SQL);
  if (maxAgeMs !== undefined) expired.push(and(isNoUpload, olderThan(maxAgeMs)) as SQL);
  for (const condition of expired) {
    for (let deleted = rowsPerDeletion; deleted === rowsPerDeletion && !signal?.aborted; )
      deleted = await deleteOldest(database, condition, rowsPerDeletion);
  }
}

/** At most so many of the rows that meet the condition. @returns how many went. */
export async function deleteOldest(database: Database, condition: SQL, rows: number): Promise<number> {
  return await database.write(async (tx) => {
    const oldest = tx
      .select({ id: audit.id })
      .from(audit)
      .where(condition)
      .orderBy(asc(audit.createdAt), asc(audit.id))
      .limit(rows);
    return (await tx.delete(audit).where(inArray(audit.id, oldest)).returning({ id: audit.id })).length;
  });
}
