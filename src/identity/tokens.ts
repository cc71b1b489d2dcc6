import { and, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { permissions, teams, tokens } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { checkName } from "./names.ts";
import { randomText } from "./random.ts";
import { digestSecret, isSecret, newSecret } from "./secret.ts";

/** `admin` may all that `write` may, and `write` all that `read` may. */
export type Permission = (typeof permissions)[number];
export { permissions };

/** A token as everybody may see it. */
export interface Token {
  id: string;
  name: string;
  teamId: string;
  teamSlug: string;
  permission: Permission;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
}

export interface NewToken {
  teamId: string;
  name: string;
  permission: Permission;
  /** Milliseconds since 1970; without it the token does not expire. */
  expiresAt?: number;
}

const columns = {
  id: tokens.id,
  name: tokens.name,
  teamId: tokens.teamId,
  teamSlug: teams.slug,
  permission: tokens.permission,
  createdAt: tokens.createdAt,
  expiresAt: tokens.expiresAt,
  revokedAt: tokens.revokedAt,
};

/** Creates, lists and revokes tokens. Works beside a running server, which honours each change with its next request. */
export class Tokens {
  constructor(private readonly database: Database) {}

  /** The secret is returned here and nowhere else. @throws Refusal `bad_request` or `not_found`. */
  async create(token: NewToken): Promise<Token & { secret: string }> {
    checkName(token.name);
    const now = Date.now();
    if (token.expiresAt !== undefined && token.expiresAt <= now) {
      throw new Refusal("bad_request", "The token would have expired already. Choose a later time.");
    }
    const secret = newSecret();
    const id = `tok_${randomText(16)}`;
    const created = await this.database.write(async (tx) => {
      const [team] = await tx.select({ id: teams.id }).from(teams).where(eq(teams.id, token.teamId));
      if (!team) throw new Refusal("not_found", `There is no team "${token.teamId}".`);
      await tx.insert(tokens).values({
        id,
        teamId: token.teamId,
        name: token.name,
        secretSha256: digestSecret(secret),
        permission: token.permission,
        createdAt: now,
        expiresAt: token.expiresAt ?? null,
      });
      const [row] = await tx
        .select(columns)
        .from(tokens)
        .innerJoin(teams, eq(teams.id, tokens.teamId))
        .where(eq(tokens.id, id));
      return row as Token;
    });
    return { ...created, secret };
  }

  /** Whether there has ever been one. */
  async any(): Promise<boolean> {
    const rows = await this.database.read.select({ id: tokens.id }).from(tokens).limit(1);
    return rows.length > 0;
  }

  /** Revoked and expired ones included, oldest first. */
  async list(filter: { teamId?: string } = {}): Promise<Token[]> {
    return await this.database.read
      .select(columns)
      .from(tokens)
      .innerJoin(teams, eq(teams.id, tokens.teamId))
      .where(filter.teamId === undefined ? undefined : eq(tokens.teamId, filter.teamId))
      .orderBy(tokens.createdAt, tokens.id);
  }

  /**
   * Revokes the token with this id or secret or, within `teamId`, this name. Revoking twice is fine.
   * @throws Refusal `not_found`, or `conflict` when several of the team's live tokens have that name.
   */
  async revoke(idOrSecretOrName: string, teamId?: string): Promise<Token> {
    const found = await this.match(idOrSecretOrName, teamId);
    const live = found.filter((token) => token.revokedAt === null);
    const token = only(idOrSecretOrName, live.length > 0 ? live : found.slice(0, 1));
    if (token.revokedAt !== null) return token;
    const revokedAt = Date.now();
    await this.database.write(async (tx) => {
      await tx.update(tokens).set({ revokedAt }).where(eq(tokens.id, token.id));
    });
    return { ...token, revokedAt };
  }

  /**
   * The team's token with this id, secret or name, revoked or not.
   * @throws Refusal `not_found`, or `conflict` when several of the team's tokens have that name.
   */
  async find(idOrSecretOrName: string, teamId: string): Promise<Token> {
    const found = await this.match(idOrSecretOrName, teamId);
    return only(
      idOrSecretOrName,
      found.filter((token) => token.teamId === teamId),
    );
  }

  private async match(idOrSecretOrName: string, teamId: string | undefined): Promise<Token[]> {
    const condition = isSecret(idOrSecretOrName)
      ? eq(tokens.secretSha256, digestSecret(idOrSecretOrName))
      : idOrSecretOrName.startsWith("tok_") || teamId === undefined
        ? eq(tokens.id, idOrSecretOrName)
        : and(eq(tokens.teamId, teamId), eq(tokens.name, idOrSecretOrName));
    return await this.database.read
      .select(columns)
      .from(tokens)
      .innerJoin(teams, eq(teams.id, tokens.teamId))
      .where(condition);
  }
}

function only(idOrSecretOrName: string, [token, ...more]: Token[]): Token {
  if (!token) {
    throw new Refusal(
      "not_found",
      "There is no such token. `larder token list` shows them with their ids; a name needs --team.",
    );
  }
  if (more.length === 0) return token;
  const ids = [token, ...more].map(({ id }) => id).join(", ");
  throw new Refusal(
    "conflict",
    `Several tokens are called "${idOrSecretOrName}": ${ids}. Name one by its id.`,
  );
}
