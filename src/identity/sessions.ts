import { and, count, desc, eq, gt, lte } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { sessions, users } from "../database/schema.ts";
import { withoutSecrets } from "../without-secrets.ts";
import { randomText } from "./random.ts";
import { digestSecret } from "./secret.ts";
import { requireProved, type SignInProof } from "./sign-in-proof.ts";
import { getUserRow, shownUser } from "./user-row.ts";
import type { User } from "./users.ts";

/** Some browser in which somebody is signed in. */
export interface Session {
  userId: string;
  createdAt: number;
  expiresAt: number;
  address: string | null;
  client: string | null;
}

export interface SessionPlace {
  address: string | null;
  /** The browser's own name for itself. */
  client: string | null;
}

const secretPrefix = "lrs_";
const secretLength = 40;
const maxClientLength = 200;

/** Who is signed in in which browser. Asked for each page, so nothing is remembered, and a sign-out counts at once. */
export class Sessions {
  constructor(private readonly database: Database) {}

  /**
   * @returns the secret for the browser's cookie, which is shown nowhere else.
   * @throws Refusal `unauthorized` when the proof holds no more: the change that ends all sessions must not miss this one.
   */
  async open(proof: SignInProof, place: SessionPlace, maxAgeMs: number): Promise<string> {
    const secret = secretPrefix + randomText(secretLength);
    const now = Date.now();
    await this.database.write(async (tx) => {
      const user = await requireProved(tx, proof);
      await tx.delete(sessions).where(lte(sessions.expiresAt, now));
      await tx.insert(sessions).values({
        secretSha256: digestSecret(secret),
        userId: user.id,
        createdAt: now,
        expiresAt: now + maxAgeMs,
        address: place.address,
        client: place.client && withoutSecrets(place.client).slice(0, maxClientLength),
      });
      await tx.update(users).set({ lastSignInAt: now }).where(eq(users.id, user.id));
      await recordAudit(tx, userActor(user, place.address), { kind: "session.open", target: user.email });
    });
    return secret;
  }

  /** Who is signed in with this cookie; undefined for one that is unknown or expired, or whose user is disabled. */
  async find(secret: string): Promise<{ user: User; session: Session } | undefined> {
    if (!secret.startsWith(secretPrefix)) return undefined;
    const [row] = await this.database.read
      .select()
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(and(eq(sessions.secretSha256, digestSecret(secret)), gt(sessions.expiresAt, Date.now())));
    if (!row || row.users.disabledAt !== null) return undefined;
    const { secretSha256: _, ...session } = row.sessions;
    return { user: shownUser(row.users), session };
  }

  /** Newest first. @param current the secret of the browser that asks. */
  async list(userId: string, current?: string): Promise<(Session & { isCurrent: boolean })[]> {
    const rows = await this.database.read
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, userId), gt(sessions.expiresAt, Date.now())))
      .orderBy(desc(sessions.createdAt));
    const currentSha256 = current === undefined ? undefined : digestSecret(current);
    return rows.map(({ secretSha256, ...session }) => ({
      ...session,
      isCurrent: secretSha256 === currentSha256,
    }));
  }

  /** In how many browsers somebody is signed in. */
  async countOpen(): Promise<number> {
    const [row] = await this.database.read
      .select({ sessions: count() })
      .from(sessions)
      .where(gt(sessions.expiresAt, Date.now()));
    return row?.sessions ?? 0;
  }

  /** Signs one browser out. */
  async close(secret: string, by: Actor): Promise<void> {
    await this.database.write(async (tx) => {
      const closed = await tx
        .delete(sessions)
        .where(eq(sessions.secretSha256, digestSecret(secret)))
        .returning({ userId: sessions.userId });
      for (const { userId } of closed) {
        const { email } = await getUserRow(tx, userId);
        await recordAudit(tx, by, { kind: "session.close", target: email });
      }
    });
  }

  /** Signs a user out everywhere. */
  async closeAll(userId: string, by: Actor): Promise<void> {
    await this.database.write(async (tx) => {
      const closed = await tx
        .delete(sessions)
        .where(eq(sessions.userId, userId))
        .returning({ userId: sessions.userId });
      if (closed.length === 0) return;
      const { email } = await getUserRow(tx, userId);
      const details = { sessions: closed.length };
      await recordAudit(tx, by, { kind: "session.close-all", target: email, details });
    });
  }

  /** Removes those that nobody can use any more. */
  async removeExpired(): Promise<void> {
    await this.database.write(async (tx) => {
      await tx.delete(sessions).where(lte(sessions.expiresAt, Date.now()));
    });
  }
}

/** For the audit log. */
export function userActor({ id, email }: Pick<User, "id" | "email">, address: string | null): Actor {
  return { kind: "user", id, name: email, address };
}
