import type { Run, RunEvent } from "../usage/runs.ts";

/** A run, as scripts get it. */
export function runJson({ teamSlug, startedAt, lastEventAt, ...run }: Run) {
  return {
    ...run,
    team: teamSlug,
    startedAt: new Date(startedAt).toISOString(),
    lastEventAt: new Date(lastEventAt).toISOString(),
  };
}

export function runEventJson({ id: _, createdAt, ...event }: RunEvent) {
  return { ...event, createdAt: new Date(createdAt).toISOString() };
}
