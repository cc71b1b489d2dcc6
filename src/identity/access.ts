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
 * is understood, since people paste ids into `TURBO_TEAM`.
 * @throws Refusal `forbidden`, the same whether the other team exists or not.
 */
export function teamOf(principal: Principal, asked: AskedTeam): Team {
  const { team } = principal;
  const isOwn = (name: string | undefined) => !name || name === team.id || name === team.slug;
  if (isOwn(asked.teamId) && isOwn(asked.slug)) return team;
  throw new Refusal(
    "forbidden",
    `This token belongs to team "${team.slug}" (${team.id}), and the request names another. ` +
      `Set TURBO_TEAM=${team.slug} (and TURBO_TEAMID, if you set it, to ${team.id}), or use a token of the other team.`,
  );
}

/** @throws Refusal `forbidden`. */
export function requirePermission(principal: Principal, needed: Permission): void {
  if (rank[principal.permission] >= rank[needed]) return;
  throw new Refusal(
    "forbidden",
    `This token may ${principal.permission}, and this needs ${needed}. ` +
      `Use a token with --permission ${needed}, or turn uploads off with TURBO_CACHE=local:rw,remote:r.`,
  );
}

/** @throws Refusal with the code of the team's state, unless that is `enabled`. */
export function requireEnabled(team: Team): void {
  const mend = `\`larder team set ${team.slug} --state enabled\` turns it on again.`;
  switch (team.state) {
    case "enabled":
      return;
    case "disabled":
      throw new Refusal(
        "remote_caching_disabled",
        `Remote caching is disabled for team "${team.slug}". ${mend}`,
      );
    case "over_limit":
      throw new Refusal("remote_caching_over_limit", `Team "${team.slug}" is over its limit. ${mend}`);
    case "paused":
      throw new Refusal("remote_caching_paused", `Remote caching is paused for team "${team.slug}". ${mend}`);
    case "blocked":
      throw new Refusal("blocked", `Team "${team.slug}" is blocked. ${mend}`);
  }
}
