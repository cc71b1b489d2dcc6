import { and, gt, gte, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { usageTeamHours } from "../database/schema.ts";

/** Uploads of a team that were refused for their size, a quota, or want of room. */
export interface RefusedInHour {
  teamId: string;
  /** When the hour began, in milliseconds since 1970. */
  startAt: number;
  uploads: number;
}

/** Of the hours from `since` on in which there were any. */
export async function refusedByHour({ read }: Database, since: number): Promise<RefusedInHour[]> {
  return await read
    .select({
      teamId: usageTeamHours.teamId,
      startAt: usageTeamHours.startAt,
      uploads: sql<number>`sum(${usageTeamHours.refusedUploads})`.mapWith(Number),
    })
    .from(usageTeamHours)
    .where(and(gte(usageTeamHours.startAt, since), gt(usageTeamHours.refusedUploads, 0)))
    .groupBy(usageTeamHours.teamId, usageTeamHours.startAt);
}
