import { isoTime } from "../admin/iso-time.ts";
import type { TokenReach } from "../identity/token-reach.ts";
import { tokenState } from "../identity/token-state.ts";
import type { Token } from "../identity/tokens.ts";
import { textTable } from "./text-table.ts";

export interface ListedToken {
  token: Token;
  reach: TokenReach;
  artifacts: number;
}

/** What it may do now: in the team that was asked for, or else in each of them. */
export function permissionText({ userId, permission }: Token, reach: TokenReach, teamId?: string): string {
  const asked = reach.teams.find((team) => team.teamId === teamId);
  if (asked) return asked.permission;
  if (userId === null) return permission;
  if (reach.inEveryTeam) return `${permission} in every team`;
  return reach.teams.map((team) => `${team.permission} in ${team.slug}`).join(", ") || "none";
}

/** For `larder token list`; `teamId` is the team that was asked for, if any. */
export function tokenTable(listed: ListedToken[], teamId: string | undefined): string {
  return textTable([
    [
      "ID",
      "NAME",
      "TEAM",
      "PERMISSION",
      "SCOPE",
      "STATE",
      "CREATED",
      "CREATED BY",
      "EXPIRES",
      "LAST USED",
      "ARTIFACTS",
    ],
    ...listed.map(({ token, reach, artifacts }) => [
      token.id,
      token.name,
      token.teamSlug ?? `${token.userEmail}'s`,
      permissionText(token, reach, teamId),
      scopeText(token),
      tokenState(token),
      isoTime(token.createdAt),
      token.createdBy ?? "unknown",
      isoTime(token.expiresAt) ?? "never",
      isoTime(token.lastUsedAt) ?? "never",
      String(artifacts),
    ]),
  ]);
}

export function scopeText({ scope }: Token): string {
  return scope === "" ? "trusted" : scope;
}
