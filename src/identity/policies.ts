import { and, asc, count, eq, inArray, isNull } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { policies, teams, tokens } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { checkOwner } from "./ci-providers.ts";
import { type ClaimPattern, captureNames, checkPatternCost, parsePattern } from "./claim-patterns.ts";
import { checkIssuer, checkPublicIssuer } from "./issuer-url.ts";
import { checkName } from "./names.ts";
import { randomText } from "./random.ts";
import { parseScopeTemplate } from "./scope-template.ts";
import type { Permission } from "./tokens.ts";
import { writeIdentity } from "./write-identity.ts";

/** What a CI job has to prove of itself, and which token it gets for that. */
export interface Policy {
  /** `pol_` and 16 letters and digits. */
  id: string;
  name: string;
  teamId: string;
  teamSlug: string;
  /** As it stands in the job's token, to the letter. */
  issuer: string;
  audience: string;
  /** Pattern by claim, see `claim-patterns.ts`. All of them have to match. */
  claims: Record<string, string>;
  permission: Permission;
  /** Empty for trusted work, else a template, see `scope-template.ts`. */
  scope: string;
  /** How long its tokens live. */
  tokenMaxAgeMs: number;
  /** Whether larder asks its issuer for keys, too, where that is inside the network. */
  isInternalAllowed: boolean;
  createdAt: number;
  createdBy: string | null;
}

export interface NewPolicy {
  name: string;
  teamId: string;
  issuer: string;
  audience: string;
  claims: Record<string, string>;
  permission: Permission;
  scope: string;
  /** An hour, if not said; a day at most. */
  tokenMaxAgeMs?: number;
  /** Whether somebody names the issuer who looks after the server; if not said, the command line does. */
  isInternalAllowed?: boolean;
}

/** Which policies; what is not said does not matter. */
export interface PolicyFilter {
  id?: string;
  teamId?: string;
  teamIds?: readonly string[];
  issuer?: string;
}

export const defaultTokenMaxAgeMs = 60 * 60_000;
export const longestTokenMaxAgeMs = 24 * 60 * 60_000;
const shortestTokenMaxAgeMs = 1_000;
const maxClaims = 20;
/** Of one team: each exchange looks at all policies of an issuer, and each new one is compared with all of its team. */
export const maxPolicies = 100;
/** They say when and for whom a token counts, and are looked at in any case. */
const ownClaims = ["iss", "aud", "exp", "nbf", "iat"];

const columns = {
  id: policies.id,
  name: policies.name,
  teamId: policies.teamId,
  teamSlug: teams.slug,
  issuer: policies.issuer,
  audience: policies.audience,
  claims: policies.claims,
  permission: policies.permission,
  scope: policies.scope,
  tokenMaxAgeMs: policies.tokenMaxAgeMs,
  isInternalAllowed: policies.isInternalAllowed,
  createdAt: policies.createdAt,
  createdBy: policies.createdBy,
};

/** Creates, lists and deletes policies. Works beside a running server, which honours each change with its next exchange. */
export class Policies {
  /** @param by who makes the changes that are made through this. */
  constructor(
    private readonly database: Database,
    private readonly by: Actor,
  ) {}

  /** Oldest first. */
  async list(filter: PolicyFilter = {}): Promise<Policy[]> {
    return await this.database.read
      .select(columns)
      .from(policies)
      .innerJoin(teams, eq(teams.id, policies.teamId))
      .where(
        and(
          filter.id === undefined ? undefined : eq(policies.id, filter.id),
          filter.teamId === undefined ? undefined : eq(policies.teamId, filter.teamId),
          filter.teamIds && inArray(policies.teamId, [...filter.teamIds]),
          filter.issuer === undefined ? undefined : eq(policies.issuer, filter.issuer),
        ),
      )
      .orderBy(asc(policies.createdAt), asc(policies.id));
  }

  async find(id: string): Promise<Policy | undefined> {
    return (await this.list({ id }))[0];
  }

  /** @throws Refusal `not_found`. */
  async get(id: string): Promise<Policy> {
    const policy = await this.find(id);
    if (policy) return policy;
    throw new Refusal(
      "not_found",
      `There is no policy "${id}". \`larder policy list\` shows them with their ids.`,
    );
  }

  /**
   * All of them or none.
   * @throws Refusal `bad_request` for what cannot be, `not_found` without the team, `conflict` beyond `maxPolicies` and for one
   *   that would never count, since another takes the same jobs.
   */
  async create(...wanted: NewPolicy[]): Promise<Policy[]> {
    const isOurs = this.by.kind === "command" || this.by.kind === "server";
    for (const policy of wanted) checkPolicy(policy, policy.isInternalAllowed ?? isOurs);
    const now = Date.now();
    const rows = wanted.map(({ tokenMaxAgeMs = defaultTokenMaxAgeMs, ...policy }, index) => ({
      ...policy,
      id: `pol_${randomText(16)}`,
      tokenMaxAgeMs,
      isInternalAllowed: policy.isInternalAllowed ?? isOurs,
      // So that they are listed, and count, in the order in which they were wanted.
      createdAt: now + index,
      createdBy: `${this.by.kind} ${this.by.name}`,
    }));
    return await writeIdentity(this.database, async (tx) => {
      const created: Policy[] = [];
      for (const row of rows) {
        const [team] = await tx.select().from(teams).where(eq(teams.id, row.teamId));
        if (!team) throw new Refusal("not_found", "There is no such team for the policy.");
        await requireRoom(tx, row.teamId);
        await requireNew(tx, row);
        await tx.insert(policies).values(row);
        const { id, createdAt: _, createdBy: __, teamId, ...details } = row;
        await recordAudit(tx, this.by, { kind: "policy.create", teamId, target: id, details });
        created.push({ ...row, teamSlug: team.slug });
      }
      return created;
    });
  }

  /**
   * Deletes a policy, and revokes the tokens of jobs under it: expired ones, too, since an upload may be under way with one.
   * `revokedTokens` counts those that had not expired.
   * @throws Refusal `not_found`.
   */
  async delete(id: string): Promise<Policy & { revokedTokens: number }> {
    const policy = await this.get(id);
    const now = Date.now();
    return await writeIdentity(this.database, async (tx) => {
      await tx.delete(policies).where(eq(policies.id, policy.id));
      const revoked = await tx
        .update(tokens)
        .set({ revokedAt: now })
        .where(and(eq(tokens.policyId, policy.id), isNull(tokens.revokedAt)))
        .returning({ expiresAt: tokens.expiresAt });
      const revokedTokens = revoked.filter(({ expiresAt }) => expiresAt === null || expiresAt > now).length;
      const { name, teamId } = policy;
      await recordAudit(tx, this.by, {
        kind: "policy.delete",
        teamId,
        target: policy.id,
        details: { name, revokedTokens },
      });
      return { ...policy, revokedTokens };
    });
  }
}

async function requireRoom(tx: Queries, teamId: string): Promise<void> {
  const [found] = await tx.select({ held: count() }).from(policies).where(eq(policies.teamId, teamId));
  if ((found?.held ?? 0) < maxPolicies) return;
  throw new Refusal(
    "conflict",
    `This team has ${maxPolicies} policies already, and may have no more. Delete those that no job needs, or let one ` +
      "take the jobs of several projects, with | between them.",
  );
}

/** Of two that take the same jobs into the same scope only one counts, and nobody would know of which token it is the origin. */
async function requireNew(tx: Queries, wanted: NewPolicy): Promise<void> {
  const { teamId, issuer, audience, scope, claims } = wanted;
  const alike = await tx
    .select({ id: policies.id, name: policies.name, claims: policies.claims })
    .from(policies)
    .where(
      and(
        eq(policies.teamId, teamId),
        eq(policies.issuer, issuer),
        eq(policies.audience, audience),
        eq(policies.scope, scope),
      ),
    );
  const same = alike.find((other) => Bun.deepEquals(other.claims, claims));
  if (!same) return;
  throw new Refusal(
    "conflict",
    `The policy "${same.name}" (${same.id}) takes the same jobs already. To change it, delete it first.`,
  );
}

/** @throws Refusal `bad_request`. */
function checkPolicy(policy: NewPolicy, isInternalAllowed: boolean): void {
  const { tokenMaxAgeMs = defaultTokenMaxAgeMs } = policy;
  checkName(policy.name);
  checkIssuer(policy.issuer);
  if (!isInternalAllowed) checkPublicIssuer(policy.issuer);
  checkAudience(policy.audience);
  checkClaims(policy);
  if (policy.permission === "admin")
    refuse("A policy gives permission to read or write; admin is for people.");
  if (!(tokenMaxAgeMs >= shortestTokenMaxAgeMs && tokenMaxAgeMs <= longestTokenMaxAgeMs))
    refuse("The tokens of a policy live from 1s to 24h.");
  parseScopeTemplate(policy.scope);
}

function checkAudience(audience: string): void {
  if (!/^[^\p{C}\p{Z}]{1,300}$/u.test(audience))
    refuse("An audience has 1 to 300 characters without blanks, such as https://cache.example.com.");
  // It stands in the lines to paste into jobs, where a name of a secret would become that secret.
  if (/\$|\{\{|<</.test(audience))
    refuse("An audience is a URL or a name, without $, {{ and <<: a CI service would fill those in.");
}

function checkClaims({ issuer, claims }: NewPolicy): void {
  const entries = Object.entries(claims);
  if (entries.length === 0 || entries.length > maxClaims) {
    refuse(
      `A policy wants 1 to ${maxClaims} claims of a job; without any it would take every job of that issuer.`,
    );
  }
  const captured = new Set<string>();
  const patterns = new Map<string, ClaimPattern>();
  for (const [name, text] of entries) {
    if (!/^[^\p{C}\p{Z}{}]{1,200}$/u.test(name))
      refuse("The name of a claim has 1 to 200 characters without blanks.");
    if (ownClaims.includes(name))
      refuse(`The claim ${name} needs no pattern; larder looks at it in any case.`);
    const pattern = parsePattern(text);
    checkPatternCost(pattern);
    patterns.set(name, pattern);
    for (const capture of new Set(captureNames(pattern))) {
      if (captured.has(capture))
        refuse(`{${capture}} stands in the patterns of two claims; give one another name.`);
      captured.add(capture);
    }
  }
  checkOwner(issuer, patterns);
}

function refuse(message: string): never {
  throw new Refusal("bad_request", message);
}
