import type { TeamCondition } from "../identity/team-conditions.ts";
import type { TokenDeadline } from "../identity/token-deadlines.ts";
import { roundSize, roundTime } from "../units.ts";
import { countOf, type Notice } from "./notice.ts";
import type { NoticeFacts } from "./notice-facts.ts";

/** From this share of its quota on a team is said to be at its end. */
export const fullShare = 0.95;
/** A week without anything is more than a holiday. */
export const unusedAfterMs = 7 * 86_400_000;
/** Time enough to make a new token and put it where the old one is. */
export const deadlineMs = 7 * 86_400_000;

const shownNames = 5;

/** What is wrong with teams and their tokens. */
export function teamNotices(facts: NoticeFacts): Notice[] {
  return [...facts.teams.flatMap((team) => noticesOfTeam(team, facts)), ...tokenNotices(facts)];
}

function noticesOfTeam(condition: TeamCondition, { now }: NoticeFacts): Notice[] {
  const { id: teamId, slug: team, state, usedBytes, quotaBytes, quotaRule, lastUsedAt } = condition;
  if (state !== "enabled") {
    return [
      {
        code: "team_not_enabled",
        severity: "warning",
        title: `Team ${team} is ${state === "over_limit" ? "over its limit" : state}`,
        message: `Its builds go on without the cache, since its state is ${state}.`,
        remedy: `\`larder team set ${team} --state enabled\` turns it on again.`,
        team,
        teamId,
      },
    ];
  }
  const notices: Notice[] = [];
  if (quotaBytes !== null && usedBytes >= quotaBytes * fullShare) {
    const refuses = quotaRule === "refuse";
    notices.push({
      code: "team_quota",
      severity: refuses ? "warning" : "info",
      title: `Team ${team} is at its quota`,
      message:
        `It uses ${roundSize(usedBytes)} of ${roundSize(quotaBytes)}. ` +
        (refuses ? "Beyond it uploads are refused." : "Its least recently used artifacts go for new ones."),
      remedy: `\`larder team set ${team} --quota SIZE\` gives it more, \`larder purge --team ${team} --older-than 30d\` makes room.`,
      team,
      teamId,
    });
  }
  if (lastUsedAt !== null && now - lastUsedAt > unusedAfterMs) {
    notices.push({
      code: "team_unused",
      severity: "info",
      title: `Team ${team} no longer uses its cache`,
      message: `None of its artifacts was uploaded or downloaded for ${roundTime(now - lastUsedAt)}.`,
      remedy: `If it should: \`larder connect --team ${team}\` prints what its repositories need, \`larder token list --team ${team}\` which of its tokens are valid.`,
      team,
      teamId,
    });
  }
  return notices;
}

function tokenNotices({ tokens, now }: NoticeFacts): Notice[] {
  return [...Map.groupBy(tokens, ({ teamId }) => teamId)].flatMap(([teamId, ofTeam]) => {
    const team = (ofTeam[0] as TokenDeadline).teamSlug;
    const renewal = `\`larder token create --team ${team} --name NAME --permission write --expires 90d\` makes a new one to put in its place.`;
    const expired = ofTeam.filter(({ expiresAt }) => expiresAt <= now);
    const expiring = ofTeam.filter(({ expiresAt }) => expiresAt > now);
    const notices: Notice[] = [];
    if (expired.length > 0) {
      notices.push({
        code: "tokens_expired",
        severity: "warning",
        title: `Tokens of team ${team} have expired in use`,
        message: `${countOf(expired.length, "token")} that builds used to the last: ${named(expired)}. Those builds go on without the cache.`,
        remedy: renewal,
        team,
        teamId,
      });
    }
    const [first] = expiring;
    if (first) {
      notices.push({
        code: "tokens_expiring",
        severity: "warning",
        title: `Tokens of team ${team} expire soon`,
        message: `${countOf(expiring.length, "token")} in use, the first in ${roundTime(first.expiresAt - now)}: ${named(expiring)}.`,
        remedy: renewal,
        team,
        teamId,
      });
    }
    return notices;
  });
}

function named(tokens: readonly TokenDeadline[]): string {
  // What stands between backticks is shown as a command, which nothing that somebody has named is.
  const names = tokens.slice(0, shownNames).map(({ name }) => `"${name.replaceAll("`", "'")}"`);
  const others = tokens.length - names.length;
  return names.join(", ") + (others > 0 ? ` and ${others} more` : "");
}
