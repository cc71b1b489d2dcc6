import type { Run, RunEvent } from "../usage/runs.ts";
import type { Caller } from "./caller.ts";
import { isoTime } from "./iso-time.ts";

/** A run as scripts see it. */
export function runJson({ teamSlug, startedAt, lastEventAt, user, ...run }: Run, caller: Caller) {
  return {
    ...run,
    team: teamSlug,
    user: caller.knowsPeopleOf(run.teamId) ? user : null,
    startedAt: isoTime(startedAt),
    lastEventAt: isoTime(lastEventAt),
  };
}

export function runEventJson({ id: _, createdAt, ...event }: RunEvent) {
  return { ...event, createdAt: isoTime(createdAt) };
}
