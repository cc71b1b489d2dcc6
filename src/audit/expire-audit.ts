import { and, eq, lt, type SQL } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { audit } from "../database/schema.ts";
import { isNoUpload, uploadKind } from "./audit-log.ts";

/** How long what is kept, both in milliseconds; undefined for ever. */
export interface AuditAges {
  /** Of rows that tell of uploads. */
  uploadMaxAgeMs: number | undefined;
  /** Of all others. */
  maxAgeMs: number | undefined;
}

/** How rows go that have to go. */
export const oldestFirst = [audit.createdAt, audit.id];

/** Forgets what is too old, a few rows at a time. */
export async function expireAudit(
  database: Database,
  { uploadMaxAgeMs, maxAgeMs }: AuditAges,
  { now = Date.now(), signal }: { now?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const expire = async (which: SQL, ageMs: number | undefined) => {
    if (ageMs === undefined) return;
    const expired = and(which, lt(audit.createdAt, now - ageMs));
    await deleteInSteps(database, audit, expired, { order: oldestFirst, signal });
  };
  await expire(eq(audit.kind, uploadKind), uploadMaxAgeMs);
  await expire(isNoUpload, maxAgeMs);
}
