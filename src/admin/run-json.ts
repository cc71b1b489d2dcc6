import type { Run, RunEvent } from "../usage/runs.ts";
import { isoTime } from "./iso-time.ts";

/** A run as scripts see it. */
export function runJson({ teamSlug, startedAt, lastEventAt, ...run }: Run) {
  return { ...run, team: teamSlug, startedAt: isoTime(startedAt), lastEventAt: isoTime(lastEventAt) };
}

export function runEventJson({ id: _, createdAt, ...event }: RunEvent) {
  return { ...event, createdAt: isoTime(createdAt) };
}
