import { countPurge, type PurgeFilter, type Writers } from "../cache/purge.ts";
import type { Database } from "../database/database.ts";
import { writersNamed } from "../identity/named-writers.ts";
import type { Team } from "../identity/teams.ts";
import type { Tokens } from "../identity/tokens.ts";
import { writersOf } from "../identity/writers.ts";
import { Refusal } from "../refusal.ts";

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

interface WriterSource {
  database: Database;
  tokens: Tokens;
}

/**
 * What a wish means to the cache, whether it came by the API or from a command.
 * @param isOwner of the team and of no more: whoever has written nothing in it is the same to him as nobody.
 * @throws Refusal as `writersNamed` does.
 */
export async function purgeFilter(
  wish: PurgeWish,
  { database, tokens }: WriterSource,
  isOwner = false,
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
  const lookUp = (writer: string) =>
    team && isOwner ? writersIn(team, writer, { database, tokens }) : writersOf(database, writer);
  const writers = writtenBy === undefined ? undefined : await writersNamed(writtenBy, team, tokens, lookUp);
  if (!team) return { ...narrowing, writtenBy: writers as Writers };
  return { ...narrowing, teamId: team.id, ...(writers !== undefined && { writtenBy: writers }) };
}

/**
 * As `writersOf`, of those who have written what a team has, and the team's own tokens.
 * @throws Refusal `not_found`, the same whether there is somebody else or nobody.
 */
async function writersIn(
  team: Team,
  writer: string,
  { database, tokens }: WriterSource,
): ReturnType<typeof writersOf> {
  const writers = await writersOf(database, writer).catch((error) => {
    if (error instanceof Refusal && error.code === "not_found") return [];
    throw error;
  });
  if (!writers) return writers;
  const [first] = writers;
  if (first !== undefined && (await tokens.findById(first))?.teamId === team.id) return writers;
  // Of nobody, too, or the time that it takes would tell.
  const { artifacts } = await countPurge(database, { teamId: team.id, writtenBy: writers });
  if (artifacts > 0) return writers;
  throw new Refusal(
    "not_found",
    `There is no such token, user or policy, or nothing of team ${team.slug} was written by it. ` +
      `GET /api/v1/tokens?team=${team.slug} lists the tokens of the team.`,
  );
}
