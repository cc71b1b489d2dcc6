import { Refusal } from "../refusal.ts";
import { readUnverified, verifyIdToken } from "./id-token.ts";
import type { Issuers } from "./issuers.ts";
import type { Policy } from "./policies.ts";
import { type Judgement, judgeAll, networkOf, strongest } from "./policy-match.ts";

/** What the policies think of the token of a job. */
export interface PolicyReport {
  /** As the token says, whoever wrote it. */
  issuer: string;
  /** Why the token does not count, whatever the policies think of it. */
  problem: string | undefined;
  judgements: Judgement[];
  chosen: (Judgement & { matches: true }) | undefined;
}

/**
 * Which of the policies takes a job's token, and why the others do not. Nothing is created.
 * @throws Refusal `bad_request` for what is no token of a job.
 */
export async function examineToken(
  token: string,
  policies: readonly Policy[],
  issuers: Issuers,
): Promise<PolicyReport> {
  const unverified = readUnverified(token);
  const problem = await problemOf(token, unverified.iss, policies, issuers);
  // Also of one that has expired: it tells as well what its jobs lack.
  const judgements = await judgeAll(policies, unverified);
  const chosen = problem === undefined ? strongest(judgements) : undefined;
  return { issuer: unverified.iss, problem, judgements, chosen };
}

async function problemOf(
  token: string,
  issuer: string,
  policies: readonly Policy[],
  issuers: Issuers,
): Promise<string | undefined> {
  // An exchange asks no others for their keys either.
  const trusting = policies.filter((policy) => policy.issuer === issuer);
  if (trusting.length === 0) return "No policy trusts its issuer.";
  try {
    await verifyIdToken(token, issuer, issuers, networkOf(trusting));
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}
