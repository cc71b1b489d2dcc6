import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { members, teams, tokens, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { permissionOf } from "./members.ts";
import type { Credential, Principal } from "./principal.ts";
import { defaultTeamSlug, type Team } from "./teams.ts";
import { allows, lesser, type Permission } from "./tokens.ts";

/** How a request names its team: by id, by slug, by both or not at all. An empty one counts as absent. */
export interface AskedTeam {
  teamId?: string | undefined;
  slug?: string | undefined;
}

/**
 * Who asks, for the team that the request is about: the one that it names, or if it names none the token's own, or the
 * default one among several. An id given as a slug is understood, since people mix them up.
 * @throws Refusal `wrong_team`, the same whether the other team exists or not, or `bad_request` where none was named and it is
 *   not clear which is meant.
 */
export function principalFor({ principals, userId }: Credential, asked: AskedTeam): Principal {
  const isNamed = Boolean(asked.teamId || asked.slug);
  const only = principals.length === 1 ? principals[0] : undefined;
  const found = isNamed
    ? principals.find(({ team }) => isOf(team, asked.teamId) && isOf(team, asked.slug))
    : (only ?? principals.find(({ team }) => team.slug === defaultTeamSlug));
  if (found) return found;
  if (!isNamed && principals.length > 0) {
    throw new Refusal("bad_request", "This token is good for several teams. Name one, by its slug or id.");
  }
  throw new Refusal("wrong_team", only && userId === null ? otherTeam(only.team) : notMember);
}

/**
 * The same, and where it is not clear which team is meant, any of them: best one that is enabled. For what says the same of each.
 * @throws Refusal `wrong_team`.
 */
export function anyPrincipalFor(credential: Credential, asked: AskedTeam): Principal {
  const { principals } = credential;
  const isClear = asked.teamId || asked.slug || principals.some(({ team }) => team.slug === defaultTeamSlug);
  const any = principals.find(({ team }) => team.state === "enabled") ?? principals[0];
  return isClear || !any ? principalFor(credential, asked) : any;
}

/** Whether a request means this team. */
export function isNamed(team: Team, { teamId, slug }: AskedTeam): boolean {
  return Boolean(teamId || slug) && isOf(team, teamId) && isOf(team, slug);
}

function isOf(team: Team, name: string | undefined): boolean {
  return !name || name === team.id || name === team.slug;
}

function otherTeam({ slug, id }: Team): string {
  return (
    `This token belongs to team "${slug}" (${id}), and the request names another. ` +
    "Name that team, or use a token of the other."
  );
}

const notMember =
  "You are not a member of the team that the request names. Name another, or ask an owner of it to add you.";

/** @throws Refusal `forbidden`. */
export function requirePermission(principal: Principal, needed: Permission): void {
  if (allows(principal.permission, needed)) return;
  if (principal.isAnonymous) throw tokenNeeded(principal.team);
  throw new Refusal(
    "forbidden",
    `This token may ${principal.permission}, and this needs ${needed}. ` +
      `\`larder token create --permission ${needed}\` makes one that does.`,
  );
}

/** For whoever has none, where the team lets anybody read its artifacts and this is something else. */
export function tokenNeeded({ slug }: Team): Refusal {
  return new Refusal(
    "forbidden",
    `Without a token team "${slug}" lets you read its artifacts, and nothing else. Use a token of the team for this.`,
  );
}

/** For what any team may do unless it is blocked. @throws Refusal `team_blocked`. */
export function requireNotBlocked(team: Team): void {
  if (team.state === "blocked") requireEnabled(team);
}

/** @throws Refusal with the code of the team's state, unless that is `enabled`. */
export function requireEnabled(team: Team): void {
  const mend = `\`larder team set ${team.slug} --state enabled\` turns it on again.`;
  switch (team.state) {
    case "enabled":
      return;
    case "disabled":
      throw new Refusal("team_disabled", `Team "${team.slug}" is disabled. ${mend}`);
    case "over_limit":
      throw new Refusal("team_over_limit", `Team "${team.slug}" is over its limit. ${mend}`);
    case "paused":
      throw new Refusal("team_paused", `Team "${team.slug}" is paused. ${mend}`);
    case "blocked":
      throw new Refusal("team_blocked", `Team "${team.slug}" is blocked. ${mend}`);
  }
}

const teamNow = prepared((queries) =>
  queries
    .select()
    .from(teams)
    .where(eq(teams.id, given("id"))),
);
const tokenNow = prepared((queries) =>
  queries
    .select({
      permission: tokens.permission,
      expiresAt: tokens.expiresAt,
      revokedAt: tokens.revokedAt,
      userId: tokens.userId,
      userRole: users.role,
      disabledAt: users.disabledAt,
      memberRole: members.role,
    })
    .from(tokens)
    .leftJoin(users, eq(users.id, tokens.userId))
    .leftJoin(members, and(eq(members.userId, tokens.userId), eq(members.teamId, given("teamId"))))
    .where(eq(tokens.id, given("id"))),
);

/**
 * So long after its token's expiry an upload that began in time is still kept: without an end, a job could hold one open for
 * days, and finish it then.
 */
export const expiredUploadGraceMs = 10 * 60_000;

/**
 * Whether what was allowed when a long upload began is so still: the team is enabled, the token neither revoked nor expired
 * for longer than the grace, and its user, if it has one, may still write there.
 * @throws Refusal `unauthorized`, `forbidden`, or the team's state.
 */
export async function requireStillAllowed(tx: Queries, principal: Principal): Promise<void> {
  const [team] = await teamNow(tx).execute({ id: principal.team.id });
  if (!team) throw new Refusal("unauthorized", "The token's team has been deleted.");
  requireEnabled(team);
  if (principal.tokenId === null) return;
  const [token] = await tokenNow(tx).execute({ id: principal.tokenId, teamId: team.id });
  if (!token || token.revokedAt !== null || token.disabledAt !== null)
    throw new Refusal("unauthorized", "This token has been revoked.");
  if (token.expiresAt !== null && token.expiresAt + expiredUploadGraceMs <= Date.now())
    throw new Refusal("unauthorized", "This token expired while the upload was under way. Use a new one.");
  if (token.userId === null || token.userRole === "admin") return;
  const role = token.memberRole;
  if (role === null) throw new Refusal("wrong_team", notMember);
  requirePermission({ ...principal, permission: lesser(token.permission, permissionOf(role)) }, "write");
}
