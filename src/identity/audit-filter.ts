import { type AuditFilter, AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { normalEmail } from "./email.ts";
import type { Teams } from "./teams.ts";
import { writersOf } from "./writers.ts";

/** What somebody wants to see of the audit log, in their words. */
export interface AuditWish {
  /** Milliseconds since 1970, included. */
  since?: number | undefined;
  /** Milliseconds since 1970, excluded. */
  until?: number | undefined;
  /** A user (e-mail or id) with all tokens; or a token (id, or a name without an @); or a kind of actor. */
  actor?: string | undefined;
  kind?: string | undefined;
  notKind?: string | undefined;
  /** Slug or id, also of a team that has been deleted since. */
  team?: string | undefined;
  target?: string | undefined;
}

/** @throws Refusal `not_found` for a team that has never been. */
export async function auditFilter(wish: AuditWish, database: Database, teams: Teams): Promise<AuditFilter> {
  const { since, until, actor, kind, notKind, team, target } = wish;
  return {
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(actor !== undefined && {
      actors: [actor, normalEmail(actor)],
      actorIds: await tokenIdsOf(actor, database),
    }),
    ...(kind !== undefined && { kind }),
    ...(notKind !== undefined && { notKind }),
    ...(team !== undefined && { teamId: await teamIdOf(team, database, teams) }),
    ...(target !== undefined && { target: target.includes("@") ? normalEmail(target) : target }),
  };
}

/** What a user's tokens did, the user did. */
async function tokenIdsOf(actor: string, database: Database): Promise<string[]> {
  const ids = await writersOf(database, actor).catch((error) => {
    // Somebody may have done something and never have had a token.
    if (error instanceof Refusal) return null;
    throw error;
  });
  return ids ?? [];
}

/** Of a team that has been deleted since, the log still knows the id. */
async function teamIdOf(slugOrId: string, database: Database, teams: Teams): Promise<string> {
  const team = await teams.find(slugOrId);
  if (team) return team.id;
  if (slugOrId.startsWith("team_")) return slugOrId;
  const log = new AuditLog(database);
  const { items } = await log.list({ kind: "team.delete", target: slugOrId }, { limit: 1 });
  return items[0]?.teamId ?? (await teams.get(slugOrId)).id;
}
