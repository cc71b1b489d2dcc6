import { asc, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { members, teams, users } from "../database/schema.ts";
import { permissionOf } from "./members.ts";
import { lesser, type Permission, type Token } from "./tokens.ts";

/** What a token may do as of now, where it is neither revoked nor expired. */
export interface TokenReach {
  /** Where it may act, by slug, and what it may do there. */
  teams: { teamId: string; slug: string; permission: Permission }[];
  /** Its user is an administrator, who may act in every team, also in those to come. */
  inEveryTeam: boolean;
}

/** Tells of any token what it may do, by the memberships as they are now: the authenticator goes by the same. */
export async function readTokenReach({ read }: Database): Promise<(token: Token) => TokenReach> {
  const allTeams = await read
    .select({ teamId: teams.id, slug: teams.slug })
    .from(teams)
    .orderBy(asc(teams.slug));
  const owners = new Map((await read.select().from(users)).map((user) => [user.id, user]));
  const memberships = await read
    .select({ userId: members.userId, teamId: members.teamId, slug: teams.slug, role: members.role })
    .from(members)
    .innerJoin(teams, eq(teams.id, members.teamId))
    .orderBy(asc(teams.slug));
  const byUser = Map.groupBy(memberships, ({ userId }) => userId);

  return ({ teamId, teamSlug, userId, permission }) => {
    if (userId === null) {
      const own = teamId !== null && teamSlug !== null ? [{ teamId, slug: teamSlug, permission }] : [];
      return { teams: own, inEveryTeam: false };
    }
    const owner = owners.get(userId);
    if (owner?.role === "admin")
      return { teams: allTeams.map((team) => ({ ...team, permission })), inEveryTeam: true };
    const memberOf = (byUser.get(userId) ?? []).map(({ teamId, slug, role }) => ({
      teamId,
      slug,
      permission: lesser(permission, permissionOf(role)),
    }));
    return { teams: memberOf, inEveryTeam: false };
  };
}
