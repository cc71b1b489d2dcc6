import { and, asc, eq, or, type SQL } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { memberRoles, type memberSources, members, teams, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { noTeam, type Team } from "./teams.ts";
import type { Permission } from "./tokens.ts";
import { getUserRow } from "./user-row.ts";
import { writeIdentity } from "./write-identity.ts";

/** An owner may all that a member may, and a member all that a viewer may. */
export type MemberRole = (typeof memberRoles)[number];
export type MemberSource = (typeof memberSources)[number];
export { memberRoles };

const permissionByRole: Record<MemberRole, Permission> = { owner: "admin", member: "write", viewer: "read" };

/** What a role in a team allows there. */
export function permissionOf(role: MemberRole): Permission {
  return permissionByRole[role];
}

export interface TeamMember {
  userId: string;
  email: string;
  name: string;
  role: MemberRole;
  source: MemberSource;
  /** Set while the user may not sign in. */
  disabledAt: number | null;
}

/** Who belongs to which team. */
export class Members {
  /** @param by who makes the changes that are made through this. */
  constructor(
    private readonly database: Database,
    private readonly by: Actor,
  ) {}

  /** The teams that a user is a member of, by slug. */
  async teamsOf(userId: string): Promise<{ team: Team; role: MemberRole; source: MemberSource }[]> {
    const rows = await this.database.read
      .select()
      .from(members)
      .innerJoin(teams, eq(teams.id, members.teamId))
      .where(eq(members.userId, userId))
      .orderBy(asc(teams.slug));
    return rows.map((row) => ({ team: row.teams, role: row.members.role, source: row.members.source }));
  }

  /** The members of a team, by e-mail address. */
  async usersOf(teamId: string): Promise<TeamMember[]> {
    return await this.database.read
      .select({
        userId: users.id,
        email: users.email,
        name: users.name,
        role: members.role,
        source: members.source,
        disabledAt: users.disabledAt,
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(eq(members.teamId, teamId))
      .orderBy(asc(users.email));
  }

  /**
   * Gives a user a role in a team, or with null takes it away. Idempotent.
   * @throws Refusal `not_found` when there is no such team or user.
   */
  async set(
    teamId: string,
    userId: string,
    role: MemberRole | null,
    source: MemberSource = "manual",
  ): Promise<void> {
    await writeIdentity(this.database, (tx) =>
      setMember(tx, this.by, { team: teamId, userId, role, source }),
    );
  }

  /**
   * The same for somebody who looks after the team and not after the server.
   * @throws Refusal as `set`, and `forbidden` for a role that came with single sign-on: made one by hand, or taken out and given
   *   anew, it would outlast what the provider says.
   */
  async setAsOwner(teamId: string, userId: string, role: MemberRole | null): Promise<void> {
    await writeIdentity(this.database, async (tx) => {
      const [before] = await tx.select().from(members).where(isMembership(teamId, userId));
      if (before?.source === "oidc") throw followsSingleSignOn();
      await setMember(tx, this.by, { team: teamId, userId, role });
    });
  }
}

/** What a user shall be in a team, which is named by slug or id; null for nothing. */
export interface TeamRole {
  team: string;
  role: MemberRole | null;
}

/** `Members.set` as a part of something else. */
export async function setMember(
  tx: Queries,
  by: Actor,
  { team: slugOrId, userId, role, source = "manual" }: TeamRole & { userId: string; source?: MemberSource },
): Promise<void> {
  const [team] = await tx
    .select({ id: teams.id, slug: teams.slug })
    .from(teams)
    .where(or(eq(teams.slug, slugOrId), eq(teams.id, slugOrId)));
  if (!team) throw noTeam(slugOrId);
  const { email } = await getUserRow(tx, userId);
  const membership = isMembership(team.id, userId);
  const [before] = await tx.select().from(members).where(membership);
  // Single sign-on says the same at each sign-in, and what changes nothing is nothing to write down.
  if (role === null ? !before : before?.role === role && before.source === source) return;
  if (role === null) await tx.delete(members).where(membership);
  else {
    await tx
      .insert(members)
      .values({ teamId: team.id, userId, role, source })
      .onConflictDoUpdate({ target: [members.teamId, members.userId], set: { role, source } });
  }
  await recordAudit(tx, by, {
    kind: role === null ? "member.remove" : "member.set",
    teamId: team.id,
    target: email,
    details: { team: team.slug, role, source, ...(before && { before: before.role }) },
  });
}

function isMembership(teamId: string, userId: string): SQL | undefined {
  return and(eq(members.teamId, teamId), eq(members.userId, userId));
}

function followsSingleSignOn(): Refusal {
  return new Refusal(
    "forbidden",
    "This role came with single sign-on, and follows its rules (oidcAccess). An administrator of the server may set it by hand.",
  );
}
