import { and, asc, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { members, teams, users } from "../database/schema.ts";
import { type MemberRole, permissionOf } from "./members.ts";
import { lesser, type Permission, type Token } from "./tokens.ts";

/** What a token may do as of now, where it is neither revoked nor expired. */
export interface TokenReach {
  /** Where it may act, by slug, and what it may do there. */
  teams: { teamId: string; slug: string; permission: Permission }[];
  /** Its user is an administrator, who may act in every team, also in those to come. */
  inEveryTeam: boolean;
}

/** What users may, whatever their tokens. */
interface UserRights {
  administrators: ReadonlySet<string>;
  /** By slug; empty where nobody is an administrator. */
  allTeams: readonly { teamId: string; slug: string }[];
  /** By user, and then by slug. */
  memberships: ReadonlyMap<string, { teamId: string; slug: string; role: MemberRole }[]>;
}

/**
 * What a token may do, by the memberships as they are now: the authenticator goes by the same. It reads no more than what is of
 * its user; a team's token says itself where it may act.
 */
export async function readTokenReach(database: Database, token: Token): Promise<TokenReach> {
  return token.userId === null
    ? reachOfTeamToken(token)
    : reachOfUserToken(token, token.userId, await readUserRights(database, token.userId));
}

/** Tells the same of any token, of however many. */
export async function readTokenReaches(database: Database): Promise<(token: Token) => TokenReach> {
  const rights = await readUserRights(database);
  return (token) =>
    token.userId === null ? reachOfTeamToken(token) : reachOfUserToken(token, token.userId, rights);
}

/** @param userId whose; without it, everybody's. */
async function readUserRights(database: Database, userId?: string): Promise<UserRights> {
  const administrators = await database.read
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, "admin"), userId === undefined ? undefined : eq(users.id, userId)));
  const allTeams =
    administrators.length === 0
      ? []
      : await database.read
          .select({ teamId: teams.id, slug: teams.slug })
          .from(teams)
          .orderBy(asc(teams.slug));
  const memberships = await database.read
    .select({ userId: members.userId, teamId: members.teamId, slug: teams.slug, role: members.role })
    .from(members)
    .innerJoin(teams, eq(teams.id, members.teamId))
    .where(userId === undefined ? undefined : eq(members.userId, userId))
    .orderBy(asc(teams.slug));
  return {
    administrators: new Set(administrators.map(({ id }) => id)),
    allTeams,
    memberships: Map.groupBy(memberships, (membership) => membership.userId),
  };
}

function reachOfTeamToken({ teamId, teamSlug, permission }: Token): TokenReach {
  const own = teamId !== null && teamSlug !== null ? [{ teamId, slug: teamSlug, permission }] : [];
  return { teams: own, inEveryTeam: false };
}

function reachOfUserToken(
  { permission }: Token,
  userId: string,
  { administrators, allTeams, memberships }: UserRights,
): TokenReach {
  if (administrators.has(userId))
    return { teams: allTeams.map((team) => ({ ...team, permission })), inEveryTeam: true };
  const memberOf = (memberships.get(userId) ?? []).map(({ teamId, slug, role }) => ({
    teamId,
    slug,
    permission: lesser(permission, permissionOf(role)),
  }));
  return { teams: memberOf, inEveryTeam: false };
}
