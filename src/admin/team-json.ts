import type { Team } from "../identity/teams.ts";
import { isoTime } from "./iso-time.ts";

/** A team as scripts see it. */
export function teamJson(team: Team) {
  return { ...team, createdAt: isoTime(team.createdAt) };
}
