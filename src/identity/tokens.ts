import { and, count, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, or, type SQL } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import { cursorOf, type Page, type PageWish, pageOf, readCursor } from "../database/cursor.ts";
import type { Database, Queries } from "../database/database.ts";
import { permissions, teams, tokens, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { checkName } from "./names.ts";
import { randomText } from "./random.ts";
import { checkScope } from "./scope.ts";
import { digestSecret, isSecret, newSecret } from "./secret.ts";
import type { TokenState } from "./token-state.ts";
import { writeIdentity } from "./write-identity.ts";

/** `admin` may all that `write` may, and `write` all that `read` may. */
export type Permission = (typeof permissions)[number];
export { permissions };

const rank: Record<Permission, number> = { read: 0, write: 1, admin: 2 };

/** Whether who may do `held` may do what needs `needed`. */
export function allows(held: Permission, needed: Permission): boolean {
  return rank[held] >= rank[needed];
}

export function lesser(a: Permission, b: Permission): Permission {
  return allows(a, b) ? b : a;
}

/** A token as everybody may see it. */
export interface Token {
  id: string;
  name: string;
  /** Null for a user's token, which acts in all of the user's teams. */
  teamId: string | null;
  teamSlug: string | null;
  userId: string | null;
  userEmail: string | null;
  /** Set while its user may not sign in: then it does not count. */
  userDisabledAt: number | null;
  /** The most that it may do. */
  permission: Permission;
  /** Empty if it is trusted. */
  scope: string;
  createdAt: number;
  createdBy: string | null;
  policyId: string | null;
  claims: Record<string, unknown> | null;
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

/** Whose it is: a team's, or a user's. */
export type TokenHolder = { teamId: string } | { userId: string };

export type NewToken = TokenHolder & {
  name: string;
  permission: Permission;
  /** Empty, or not said, for a trusted one. */
  scope?: string;
  /** The policy under which a CI job gets it, and what the job proved of itself. */
  exchange?: { policyId: string; claims: Record<string, unknown> };
  /** Milliseconds since 1970; without it the token does not expire. */
  expiresAt?: number;
};

/** How many a team or a user may have that count. Those of CI jobs are not among them: they end by themselves. */
export const maxLiveTokens = 1_000;

/** Which tokens; what is not said does not matter. */
export interface TokenFilter {
  /** Those that are held by any of these teams. */
  teamIds?: readonly string[];
  userId?: string;
  state?: TokenState;
}

export type CreatedToken = Token & { secret: string };

const columns = {
  id: tokens.id,
  name: tokens.name,
  teamId: tokens.teamId,
  teamSlug: teams.slug,
  userId: tokens.userId,
  userEmail: users.email,
  userDisabledAt: users.disabledAt,
  permission: tokens.permission,
  scope: tokens.scope,
  createdAt: tokens.createdAt,
  createdBy: tokens.createdBy,
  policyId: tokens.policyId,
  claims: tokens.claims,
  expiresAt: tokens.expiresAt,
  revokedAt: tokens.revokedAt,
  lastUsedAt: tokens.lastUsedAt,
};

function selectTokens(queries: Queries) {
  return queries
    .select(columns)
    .from(tokens)
    .leftJoin(teams, eq(teams.id, tokens.teamId))
    .leftJoin(users, eq(users.id, tokens.userId));
}

/** Creates, lists and revokes tokens. Works beside a running server, which honours each change with its next request. */
export class Tokens {
  /** @param by who makes the changes that are made through this. */
  constructor(
    private readonly database: Database,
    private readonly by: Actor,
  ) {}

  /**
   * The secret is returned here and nowhere else.
   * @throws Refusal `bad_request`, `not_found`, or `conflict` for one more than `maxLiveTokens`.
   */
  async create(token: NewToken): Promise<CreatedToken> {
    return await this.database.write((tx) => createToken(tx, this.by, token));
  }

  /** Whether there has ever been one. */
  async any(): Promise<boolean> {
    const rows = await this.database.read.select({ id: tokens.id }).from(tokens).limit(1);
    return rows.length > 0;
  }

  /** Revoked and expired ones included, oldest first. */
  async list(filter: { teamId?: string; userId?: string } = {}): Promise<Token[]> {
    return await selectTokens(this.database.read)
      .where(
        and(
          filter.teamId === undefined ? undefined : eq(tokens.teamId, filter.teamId),
          filter.userId === undefined ? undefined : eq(tokens.userId, filter.userId),
        ),
      )
      .orderBy(tokens.createdAt, tokens.id);
  }

  /** The same a page at a time, newest first. */
  async page(filter: TokenFilter, { limit, cursor }: PageWish): Promise<Page<Token>> {
    const rows = await selectTokens(this.database.read)
      .where(and(...conditionsOf(filter), cursor === undefined ? undefined : after(cursor)))
      .orderBy(desc(tokens.createdAt), desc(tokens.id))
      .limit(limit + 1);
    return pageOf(rows, limit, ({ createdAt, id }) => cursorOf(createdAt, id));
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
    await writeIdentity(this.database, async (tx) => {
      const { id, name, teamId } = token;
      const revoked = await tx
        .update(tokens)
        .set({ revokedAt })
        .where(and(eq(tokens.id, id), isNull(tokens.revokedAt)))
        .returning({ id: tokens.id });
      // Of several at once, the first has revoked it.
      if (revoked.length === 0) return;
      await recordAudit(tx, this.by, { kind: "token.revoke", teamId, target: id, details: { name } });
    });
    return { ...token, revokedAt };
  }

  /**
   * The token with this id or secret or, within `teamId`, this name, revoked or not.
   * @throws Refusal `not_found`, or `conflict` when several of the team's tokens have that name.
   */
  async find(idOrSecretOrName: string, teamId?: string): Promise<Token> {
    const found = await this.match(idOrSecretOrName, teamId);
    return only(
      idOrSecretOrName,
      found.filter((token) => teamId === undefined || token.teamId === teamId),
    );
  }

  /** Whether a token of the team, revoked or not, is called so. */
  async isName(name: string, teamId: string): Promise<boolean> {
    const rows = await this.database.read
      .select({ id: tokens.id })
      .from(tokens)
      .where(and(eq(tokens.teamId, teamId), eq(tokens.name, name)))
      .limit(1);
    return rows.length > 0;
  }

  async findById(id: string): Promise<Token | undefined> {
    return (await selectTokens(this.database.read).where(eq(tokens.id, id)))[0];
  }

  /** The token with this secret, live or not. */
  async findBySecret(secret: string): Promise<Token | undefined> {
    return isSecret(secret) ? (await this.match(secret, undefined))[0] : undefined;
  }

  private async match(idOrSecretOrName: string, teamId: string | undefined): Promise<Token[]> {
    const condition = isSecret(idOrSecretOrName)
      ? eq(tokens.secretSha256, digestSecret(idOrSecretOrName))
      : idOrSecretOrName.startsWith("tok_") || teamId === undefined
        ? eq(tokens.id, idOrSecretOrName)
        : and(eq(tokens.teamId, teamId), eq(tokens.name, idOrSecretOrName));
    return await selectTokens(this.database.read).where(condition);
  }
}

function conditionsOf({ teamIds, userId, state }: TokenFilter): (SQL | undefined)[] {
  return [
    teamIds && inArray(tokens.teamId, [...teamIds]),
    userId === undefined ? undefined : eq(tokens.userId, userId),
    state && isInState(state),
  ];
}

/** As `tokenState` tells of one. */
function isInState(state: TokenState): SQL | undefined {
  if (state === "revoked") return isNotNull(tokens.revokedAt);
  const now = Date.now();
  if (state === "expired") return and(isNull(tokens.revokedAt), lte(tokens.expiresAt, now));
  const isLive = and(isNull(tokens.revokedAt), or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now)));
  return and(isLive, state === "disabled" ? isNotNull(users.disabledAt) : isNull(users.disabledAt));
}

function after(cursor: string): SQL | undefined {
  const [createdAt, id] = readCursor(cursor, ["number", "string"]);
  return or(lt(tokens.createdAt, createdAt), and(eq(tokens.createdAt, createdAt), lt(tokens.id, id)));
}

/**
 * `Tokens.create` as a part of something else. It needs no `writeIdentity`: nobody remembers that a secret is unknown, so there
 * is nothing to forget.
 */
export async function createToken(tx: Queries, by: Actor, token: NewToken): Promise<CreatedToken> {
  const { name, permission, scope = "", expiresAt = null, exchange } = token;
  const holder = "teamId" in token ? { teamId: token.teamId } : { userId: token.userId };
  checkName(name);
  checkScope(scope);
  if (scope !== "" && permission === "admin") {
    throw new Refusal("bad_request", "A token with a scope may read or write; admin is for trusted ones.");
  }
  const now = Date.now();
  if (expiresAt !== null && expiresAt <= now) {
    throw new Refusal("bad_request", "The token would have expired already. Choose a later time.");
  }
  await requireHolder(tx, holder);
  if (!exchange) await requireRoom(tx, holder, now);
  const secret = newSecret();
  const id = `tok_${randomText(16)}`;
  await tx.insert(tokens).values({
    id,
    ...holder,
    name,
    secretSha256: digestSecret(secret),
    permission,
    scope,
    createdAt: now,
    createdBy: `${by.kind} ${by.name}`,
    policyId: exchange?.policyId ?? null,
    claims: exchange?.claims ?? null,
    expiresAt,
  });
  const [row] = (await selectTokens(tx).where(eq(tokens.id, id))) as [Token];
  await recordAudit(tx, by, {
    kind: "token.create",
    teamId: row.teamId,
    target: id,
    details: { name, permission, scope, ...(row.userEmail !== null && { user: row.userEmail }), ...exchange },
  });
  return { ...row, secret };
}

async function requireHolder(tx: Queries, holder: TokenHolder): Promise<void> {
  const [found] =
    "teamId" in holder
      ? await tx.select({ id: teams.id }).from(teams).where(eq(teams.id, holder.teamId))
      : await tx.select({ id: users.id }).from(users).where(eq(users.id, holder.userId));
  if (!found) throw new Refusal("not_found", "There is no such team or user for the token.");
}

async function requireRoom(tx: Queries, holder: TokenHolder, now: number): Promise<void> {
  const [found] = await tx
    .select({ live: count() })
    .from(tokens)
    .where(
      and(
        "teamId" in holder ? eq(tokens.teamId, holder.teamId) : eq(tokens.userId, holder.userId),
        isNull(tokens.policyId),
        isNull(tokens.revokedAt),
        or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now)),
      ),
    );
  if ((found?.live ?? 0) < maxLiveTokens) return;
  throw new Refusal(
    "conflict",
    `There are ${maxLiveTokens} valid tokens already, and no team or user may have more. Revoke those that nobody uses, ` +
      "and let the others expire.",
  );
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
