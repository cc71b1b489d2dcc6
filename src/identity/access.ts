import { eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { teams, tokens } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { Principal } from "./principal.ts";
import type { Team } from "./teams.ts";
import type { Permission } from "./tokens.ts";

/** How a request names its team: by id, by slug, by both or not at all. An empty one counts as absent. */
export interface AskedTeam {
  teamId?: string | undefined;
  slug?: string | undefined;
}

const rank: Record<Permission, number> = { read: 0, write: 1, admin: 2 };

/**
 * The team that a request is about: the token's own. What the request names must be that team; an id given as a slug
 * is understood, since people mix them up.
 * @throws Refusal `wrong_team`, the same whether the other team exists or not.
 */
export function teamOf(principal: Principal, asked: AskedTeam): Team {
  const { team } = principal;
  const isOwn = (name: string | undefined) => !name || name === team.id || name === team.slug;
  if (isOwn(asked.teamId) && isOwn(asked.slug)) return team;
  throw new Refusal(
    "wrong_team",
    `This token belongs to team "${team.slug}" (${team.id}), and the request names another. ` +
      "Name that team, or use a token of the other.",
  );
}

/** @throws Refusal `forbidden`. */
export function requirePermission(principal: Principal, needed: Permission): void {
  if (rank[principal.permission] >= rank[needed]) return;
  throw new Refusal(
    "forbidden",
    `This token may ${principal.permission}, and this needs ${needed}. ` +
      `\`larder token create --permission ${needed}\` makes one that does.`,
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
    .select({ revokedAt: tokens.revokedAt })
    .from(tokens)
    .where(eq(tokens.id, given("id"))),
);

/**
 * Whether what was allowed when a long request began is so still: the token is not revoked, and the team enabled.
 * @throws Refusal `unauthorized`, or the team's state.
 */
export async function requireStillAllowed(tx: Queries, principal: Principal): Promise<void> {
  const [team] = await teamNow(tx).execute({ id: principal.team.id });
  if (!team) throw new Refusal("unauthorized", "The token's team has been deleted.");
  requireEnabled(team);
  if (principal.tokenId === null) return;
  const [token] = await tokenNow(tx).execute({ id: principal.tokenId });
  if (!token || token.revokedAt !== null) throw new Refusal("unauthorized", "This token has been revoked.");
}
