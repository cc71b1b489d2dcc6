import { and, eq, gt, gte, isNull, lt, sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { teams, tokens } from "../database/schema.ts";

/** A team's token that ends, or has ended, while somebody relies on it. */
export interface TokenDeadline {
  name: string;
  teamId: string;
  teamSlug: string;
  expiresAt: number;
  lastUsedAt: number;
}

/** More than anybody reads. */
const maxTokens = 200;
/** Whoever makes a token for less knows that it ends. */
const longLivedMs = 14 * 86_400_000;
/** Whose last use lies so shortly before its end had not been replaced in time. */
const usedUntilMs = 24 * 3_600_000;

/**
 * The teams' own tokens, made by people to last, that end or have ended within `withinMs` of now and were in use until then.
 * CI jobs and `turbo login` get themselves new ones.
 */
export async function tokenDeadlines(
  database: Database,
  { now, withinMs }: { now: number; withinMs: number },
): Promise<TokenDeadline[]> {
  const rows = await database.read
    .select({
      name: tokens.name,
      teamId: teams.id,
      teamSlug: teams.slug,
      expiresAt: tokens.expiresAt,
      lastUsedAt: tokens.lastUsedAt,
    })
    .from(tokens)
    .innerJoin(teams, eq(teams.id, tokens.teamId))
    .where(
      and(
        gt(tokens.expiresAt, now - withinMs),
        lt(tokens.expiresAt, now + withinMs),
        isNull(tokens.policyId),
        isNull(tokens.revokedAt),
        gte(sql`${tokens.expiresAt} - ${tokens.createdAt}`, longLivedMs),
        // While it is valid, some use within the time; when it has ended, up to the end.
        gte(
          tokens.lastUsedAt,
          sql`case when ${tokens.expiresAt} > ${now} then ${now - withinMs} else ${tokens.expiresAt} - ${usedUntilMs} end`,
        ),
      ),
    )
    .orderBy(tokens.expiresAt)
    .limit(maxTokens);
  return rows as TokenDeadline[];
}
