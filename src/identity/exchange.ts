import { eq } from "drizzle-orm";
import type { Actor } from "../audit/audit-log.ts";
import { RefusalLog } from "../audit/refusal-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { policies } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { placeOf } from "./attempts.ts";
import { describeJob, shownClaims } from "./ci-providers.ts";
import { readUnverified, verifyIdToken } from "./id-token.ts";
import type { Issuers } from "./issuers.ts";
import { Policies, type Policy } from "./policies.ts";
import { judgeAll, networkOf, strongest } from "./policy-match.ts";
import { ownerOfJob } from "./principal.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { type CreatedToken, createToken } from "./tokens.ts";

export interface ExchangeOptions {
  database: Database;
  issuers: Issuers;
  /** From one address. Many jobs may share one, and so does everybody behind a proxy that larder was not told of. */
  maxRequestsPerMinute?: number;
}

export interface ExchangeRequest {
  /** The token by which the CI service vouches for the job. */
  subjectToken: string;
  /** Slug or id of the team that the job wants to act for; without it, whichever has the strongest policy. */
  team?: string | undefined;
  /** Where the request comes from, as far as that is known. */
  address: string | null;
}

const defaultMaxRequestsPerMinute = 300;
/**
 * Of jobs that are one subject to a policy, such as those of all workflows on one branch. A matrix on GitHub has up to 256, and
 * they may all begin at once.
 */
const maxTokensPerMinute = 300;
const maxRecordedRefusalsPerMinute = 10;

/** Gives CI jobs tokens of larder for those that their CI service has signed, as policies say. */
export class Exchange {
  private readonly database: Database;
  private readonly issuers: Issuers;
  private readonly requests: RateLimiter;
  private readonly tokens = new RateLimiter(maxTokensPerMinute);
  private readonly refusals: RefusalLog;

  constructor({ database, issuers, maxRequestsPerMinute = defaultMaxRequestsPerMinute }: ExchangeOptions) {
    this.database = database;
    this.issuers = issuers;
    this.requests = new RateLimiter(maxRequestsPerMinute);
    this.refusals = new RefusalLog(database, maxRecordedRefusalsPerMinute);
  }

  /**
   * To be asked before anything of a request is read.
   * @throws Refusal `too_many_requests`, with the seconds to wait.
   */
  admit(address: string | null): void {
    take(this.requests, placeOf(address), "Too many exchanges from this address; wait a little.");
  }

  /**
   * The secret is returned here and nowhere else.
   * @throws Refusal `bad_request` for what is no JWT, `forbidden` when it does not count or no policy takes it, `wrong_team`
   *   when a policy would, but not for this team, `unavailable` when the issuer's keys cannot be had.
   */
  async exchange(request: ExchangeRequest): Promise<{ token: CreatedToken; policy: Policy }> {
    const unverified = readUnverified(request.subjectToken);
    try {
      return await this.exchangeFrom(unverified.iss, request);
    } catch (error) {
      if (error instanceof Refusal) await this.recordRefusal(unverified.iss, request, error);
      throw error;
    }
  }

  private async exchangeFrom(issuer: string, { subjectToken, team, address }: ExchangeRequest) {
    const known = await new Policies(this.database, anonymous(address)).list({ issuer });
    // Also, whoever is not trusted by anybody is not asked for keys: the address came from a stranger.
    if (known.length === 0) {
      throw new Refusal(
        "forbidden",
        `No policy trusts the issuer ${issuer.replaceAll(/\p{C}/gu, "").slice(0, 200)}. \`larder policy create\` makes one.`,
      );
    }
    const claims = await verifyIdToken(subjectToken, issuer, this.issuers, networkOf(known));
    const judgements = await judgeAll(known, claims);
    const ofTeam = judgements.filter(
      ({ policy }) => team === undefined || team === policy.teamId || team === policy.teamSlug,
    );
    const chosen = strongest(ofTeam);
    if (!chosen) throw noPolicy(describeJob(claims), strongest(judgements) !== undefined);

    const { policy, scope } = chosen;
    take(this.tokens, ownerOfJob(policy.id, claims.sub), "This job has got too many tokens; wait a little.");
    const name = describeJob(claims);
    const by: Actor = { kind: "job", id: null, name, address };
    // Whoever deletes the policy revokes its tokens: this one is among them, or is never made.
    const token = await this.database.write(async (tx) => {
      await requireStillThere(tx, policy);
      return await createToken(tx, by, {
        teamId: policy.teamId,
        name,
        permission: policy.permission,
        scope,
        expiresAt: Date.now() + policy.tokenMaxAgeMs,
        exchange: { policyId: policy.id, claims: shownClaims(claims, Object.keys(policy.claims)) },
      });
    });
    return { token, policy };
  }

  private async recordRefusal(
    issuer: string,
    { team, address }: ExchangeRequest,
    refusal: Refusal,
  ): Promise<void> {
    await this.refusals.record(anonymous(address), {
      kind: "token.refuse",
      details: {
        issuer: issuer.slice(0, 200),
        ...(team !== undefined && { team: team.slice(0, 100) }),
        code: refusal.code,
        reason: refusal.message,
      },
    });
  }
}

/** @throws Refusal `too_many_requests`, with the seconds to wait. */
function take(limiter: RateLimiter, owner: string, message: string): void {
  try {
    limiter.take(owner);
  } catch (error) {
    throw new Refusal("too_many_requests", message, (error as Refusal).retryAfterSeconds);
  }
}

async function requireStillThere(tx: Queries, { id }: Policy): Promise<void> {
  const rows = await tx.select({ id: policies.id }).from(policies).where(eq(policies.id, id));
  if (rows.length === 0)
    throw new Refusal("forbidden", "The policy that took this job has just been deleted.");
}

/** Who has proved nothing yet. */
function anonymous(address: string | null): Actor {
  return { kind: "anonymous", id: null, name: "CI job", address };
}

/** A job's author is a stranger as often as not, so what policies want is not told here. */
function noPolicy(job: string, isForOther: boolean): Refusal {
  const why = "On larder's machine, `larder policy test` with the job's token says why.";
  return isForOther
    ? new Refusal("wrong_team", `This job (${job}) may not act for the team that it names. ${why}`)
    : new Refusal("forbidden", `No policy takes this job (${job}). ${why}`);
}
