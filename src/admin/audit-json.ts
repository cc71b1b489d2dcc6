import type { AuditRow } from "../audit/audit-log.ts";
import { isoTime } from "./iso-time.ts";

/** What was written down, as scripts see it. */
export function auditJson({ id, createdAt, ...row }: AuditRow) {
  return { id, createdAt: isoTime(createdAt), ...row };
}
