import type { Actor } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { Links, redeemLink } from "./links.ts";
import { type MemberRole, Members } from "./members.ts";
import { asName } from "./names.ts";
import { userActor } from "./sessions.ts";
import { type Team, Teams } from "./teams.ts";
import { createToken, type NewToken, type Token, Tokens } from "./tokens.ts";
import { findUserRow } from "./user-row.ts";
import type { User } from "./users.ts";
import { writeIdentity } from "./write-identity.ts";

const linkMaxAgeMs = 5 * 60_000;

/**
 * Sign-ins of programs, such as `turbo login`, that somebody allows in a browser: each ends with a token of the user's, which
 * may use the cache and look after nothing: it lies in a file of a program that needs no more.
 */
export class ClientLogins {
  private readonly links: Links;

  /** @param maxAgeMs how long the tokens are valid; undefined for no end. */
  constructor(
    private readonly database: Database,
    readonly maxAgeMs: number | undefined,
  ) {
    this.links = new Links(database);
  }

  /**
   * @param name to know the token by, as the program or its machine says; what cannot stand in a name is replaced.
   * @param address from where the user allows it.
   * @returns the secret, which is shown nowhere else.
   */
  async createToken(user: User, name: string, address: string | null): Promise<string> {
    const tokens = new Tokens(this.database, userActor(user, address));
    return (await tokens.create(this.newToken(user.id, name))).secret;
  }

  /** @returns a secret with which the program can fetch its token, once and within five minutes. */
  async createLink(user: User, teamId: string): Promise<string> {
    return await this.links.create("sso", { userId: user.id, teamId, maxAgeMs: linkMaxAgeMs });
  }

  /**
   * The token for a link; undefined if the link is unknown, used or expired, or its user disabled since. The link is used up
   * only if the token is made.
   */
  async redeemLink(
    link: string,
    name: string,
    address: string | null,
  ): Promise<{ secret: string; teamId: string | null } | undefined> {
    // Anybody may ask, so what is unknown costs no write.
    if (!(await this.links.find(link, "sso"))) return undefined;
    return await writeIdentity(this.database, async (tx) => {
      const { userId, teamId } = (await redeemLink(tx, link, "sso")) ?? {};
      const user = userId ? await findUserRow(tx, userId) : undefined;
      if (!user || user.disabledAt !== null) return undefined;
      const { secret } = await createToken(tx, userActor(user, address), this.newToken(user.id, name));
      return { secret, teamId: teamId ?? null };
    });
  }

  /** The teams that a token of the user's is good for, by slug, with what the user is there. */
  async grantsOf(user: User): Promise<{ team: Team; role: MemberRole }[]> {
    if (user.role !== "admin") return await new Members(this.database, nobody).teamsOf(user.id);
    const teams = await new Teams(this.database, nobody).list();
    return teams.map((team) => ({ team, role: "owner" }));
  }

  /** The token with this secret, live or not. */
  async find(secret: string): Promise<Token | undefined> {
    return await new Tokens(this.database, nobody).findBySecret(secret);
  }

  /**
   * Revokes a user's token, or a CI job's. A team's own stays valid: it is often shared by many machines, and whoever signs out
   * of one must not cut off the others. What is unknown or revoked already is fine, too.
   */
  async end(secret: string, address: string | null): Promise<Token | undefined> {
    const token = await this.find(secret);
    if (!token || isTeamsOwn(token) || token.revokedAt !== null) return token;
    const by: Actor = { kind: "token", id: token.id, name: token.name, address };
    return await new Tokens(this.database, by).revoke(token.id);
  }

  private newToken(userId: string, name: string): NewToken {
    return {
      userId,
      name: asName(name, "login"),
      // In a team of which the user may only read, no more than that.
      permission: "write",
      ...(this.maxAgeMs !== undefined && { expiresAt: Date.now() + this.maxAgeMs }),
    };
  }
}

function isTeamsOwn({ userId, policyId }: Token): boolean {
  return userId === null && policyId === null;
}

/** Who only looks. */
const nobody: Actor = { kind: "anonymous", id: null, name: "anybody", address: null };
