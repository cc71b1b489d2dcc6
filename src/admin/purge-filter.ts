import type { PurgeFilter, Writers } from "../cache/purge.ts";
import type { Database } from "../database/database.ts";
import { writersNamed } from "../identity/named-writers.ts";
import type { Team } from "../identity/teams.ts";
import type { Tokens } from "../identity/tokens.ts";

/** Which artifacts somebody means; what is undefined does not matter. */
export interface PurgeWish {
  /** Undefined for all teams', where `writtenBy` is said. */
  team: Team | undefined;
  /** As somebody names a writer: see `writersNamed`. */
  writtenBy: string | undefined;
  hash: string | undefined;
  scope: string | undefined;
  tool?: string | undefined;
  /** Milliseconds since 1970, as are the other two. */
  usedBefore: number | undefined;
  writtenAfter: number | undefined;
  writtenBefore: number | undefined;
}

/**
 * What a wish means to the cache, whether it came by the API or from a command.
 * @throws Refusal as `writersNamed` does.
 */
export async function purgeFilter(
  wish: PurgeWish,
  { database, tokens }: { database: Database; tokens: Tokens },
): Promise<PurgeFilter> {
  const { team, writtenBy, hash, scope, tool, usedBefore, writtenAfter, writtenBefore } = wish;
  const narrowing = {
    ...(hash !== undefined && { hash }),
    ...(scope !== undefined && { scope }),
    ...(tool !== undefined && { tool }),
    ...(usedBefore !== undefined && { usedBefore }),
    ...(writtenAfter !== undefined && { writtenAfter }),
    ...(writtenBefore !== undefined && { writtenBefore }),
  };
  const writers = writtenBy === undefined ? undefined : await writersNamed(writtenBy, team, database, tokens);
  if (!team) return { ...narrowing, writtenBy: writers as Writers };
  return { ...narrowing, teamId: team.id, ...(writers !== undefined && { writtenBy: writers }) };
}
