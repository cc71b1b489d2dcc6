import type { Members } from "../identity/members.ts";
import type { User } from "../identity/users.ts";
import { isoTime } from "./iso-time.ts";

/** Whether somebody may sign in. */
export const userStates = ["enabled", "disabled"] as const;
export type UserState = (typeof userStates)[number];

export function userState({ disabledAt }: Pick<User, "disabledAt">): UserState {
  return disabledAt === null ? "enabled" : "disabled";
}

/** A user as scripts see one. */
export async function userJson(user: User, members: Members) {
  const teams = await members.teamsOf(user.id);
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    state: userState(user),
    hasPassword: user.hasPassword,
    oidcIssuer: user.oidcIssuer,
    teams: teams.map(({ team, role }) => ({ team: team.slug, teamId: team.id, role })),
    createdAt: isoTime(user.createdAt),
    lastSignInAt: isoTime(user.lastSignInAt),
  };
}

/** How long the link lives with which a user chooses a password. */
export const linkMaxAgeMs = 24 * 60 * 60_000;
