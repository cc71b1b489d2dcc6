import type { Policy } from "../identity/policies.ts";
import type { PolicyReport } from "../identity/policy-report.ts";
import { isoTime } from "./iso-time.ts";

/** A policy as scripts see it. */
export function policyJson({ teamSlug, createdAt, isInternalAllowed: _, ...policy }: Policy) {
  return { ...policy, team: teamSlug, createdAt: isoTime(createdAt) };
}

/** What the policies think of a job's token, as scripts see it. */
export function reportJson({ issuer, problem, judgements, chosen }: PolicyReport) {
  return {
    issuer,
    problem: problem ?? null,
    chosen: chosen?.policy.id ?? null,
    policies: judgements.map((one) => ({
      id: one.policy.id,
      name: one.policy.name,
      team: one.policy.teamSlug,
      teamId: one.policy.teamId,
      matches: one.matches,
      ...(one.matches ? { permission: one.policy.permission, scope: one.scope } : { reasons: one.reasons }),
    })),
  };
}
