import { Refusal } from "../refusal.ts";
import { isSecret } from "./secret.ts";
import type { Team } from "./teams.ts";
import type { Tokens } from "./tokens.ts";
import type { writersOf } from "./writers.ts";

/** Whom somebody means who names no token's name: `writersOf`, or what of it he may know. */
type WriterLookUp = (writer: string) => ReturnType<typeof writersOf>;

/**
 * The ids of the tokens that somebody means as writers, as `lookUp`, and in a team a token by its name, too.
 * @throws Refusal `not_found`, `conflict` for a name of several, or `bad_request` for a name without a team.
 */
export async function writersNamed(
  writer: string,
  team: Team | undefined,
  tokens: Tokens,
  lookUp: WriterLookUp,
): Promise<string[] | null> {
  // Names of tokens may look like addresses, as ann@laptop does.
  if (team && writer.includes("@") && (await tokens.isName(writer, team.id))) {
    await requireNoUser(lookUp, writer);
    return [(await tokens.find(writer, team.id)).id];
  }
  const writers = await lookUp(writer);
  if (writers !== undefined) {
    const isToken = isSecret(writer) || writer.startsWith("tok_");
    if (team && isToken) await requireOfTeam(writers?.[0] ?? "", team, tokens);
    return writers;
  }
  if (team) return [(await tokens.find(writer, team.id)).id];
  throw new Refusal(
    "bad_request",
    "A token is known by its name within a team only. Name the team (--team), or give its id, its secret, a user's e-mail or a policy's id.",
  );
}

/** A token that somebody has called by a user's address shall not stand in for what that user wrote. */
async function requireNoUser(lookUp: WriterLookUp, writer: string): Promise<void> {
  try {
    await lookUp(writer);
  } catch (error) {
    if (error instanceof Refusal && error.code === "not_found") return;
    throw error;
  }
  throw new Refusal(
    "conflict",
    `"${writer}" is a user, and a token of the team is called so, too. Give the id of the one that is meant (usr_… or tok_…).`,
  );
}

/** One of another team has written nothing here, and whoever names it has mistaken one for the other. */
async function requireOfTeam(tokenId: string, team: Team, tokens: Tokens): Promise<void> {
  const token = await tokens.findById(tokenId);
  if (token && token.teamId !== null && token.teamId !== team.id)
    throw new Refusal(
      "not_found",
      `There is no such token of team ${team.slug}. \`larder token list\` shows them with their teams.`,
    );
}
