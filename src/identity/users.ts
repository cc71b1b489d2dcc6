import { asc, eq, gt } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import { cursorOf, type Page, type PageWish, pageOf, readCursor } from "../database/cursor.ts";
import type { Database, Queries } from "../database/database.ts";
import { links, type memberSources, sessions, userRoles, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { changeUser, deleteUser, hasEnabledAdmin, insertUser } from "./change-user.ts";
import { checkEmail, normalEmail } from "./email.ts";
import { badLink, createLink, redeemLink, requireLink } from "./links.ts";
import { setMember, type TeamRole } from "./members.ts";
import { checkName } from "./names.ts";
import { checkPassword, hashPassword, isPassword } from "./password.ts";
import { randomText } from "./random.ts";
import { userActor } from "./sessions.ts";
import { passwordProof, requireProved, type SignInProof } from "./sign-in-proof.ts";
import { findOidcUserRow, findUserRow, getUserRow, shownUser, type UserRow } from "./user-row.ts";
import { writeIdentity } from "./write-identity.ts";

/** On the whole server: an admin may everything, a member what the roles in teams allow. */
export type UserRole = (typeof userRoles)[number];
export { userRoles };

/** A user as everybody may see one. */
export interface User {
  /** `usr_` and 16 letters and digits. */
  id: string;
  /** In lower case. */
  email: string;
  name: string;
  role: UserRole;
  /** `oidc`: the role came with single sign-on, and goes with it. */
  roleSource: (typeof memberSources)[number];
  hasPassword: boolean;
  /** Who vouches for the user, if it is single sign-on. */
  oidcIssuer: string | null;
  createdAt: number;
  lastSignInAt: number | null;
  disabledAt: number | null;
}

export interface NewUser {
  email: string;
  /** What stands before the @, if not said. */
  name?: string;
  role?: UserRole;
  /** Without one, a link lets the user choose it. */
  password?: string;
  oidc?: OidcIdentity;
}

/** Under which name which OpenID Connect provider knows a user. */
export interface OidcIdentity {
  issuer: string;
  subject: string;
}

export interface UserChange {
  email?: string;
  name?: string;
  role?: UserRole;
  isDisabled?: boolean;
}

/** Creates, changes and finds users. Works beside a running server, which honours each change with its next request. */
export class Users {
  /** @param by who makes the changes that are made through this. */
  constructor(
    private readonly database: Database,
    private readonly by: Actor,
  ) {}

  /** By e-mail address. */
  async list(): Promise<User[]> {
    return (await this.database.read.select().from(users).orderBy(asc(users.email))).map(shownUser);
  }

  /** The same a page at a time. */
  async page({ limit, cursor }: PageWish): Promise<Page<User>> {
    const [email = ""] = cursor === undefined ? [] : readCursor(cursor, ["string"]);
    const rows = await this.database.read
      .select()
      .from(users)
      .where(gt(users.email, email))
      .orderBy(asc(users.email))
      .limit(limit + 1);
    return pageOf(rows.map(shownUser), limit, (user) => cursorOf(user.email));
  }

  /**
   * Whether there is an administrator who may sign in. From the first one on there is, unless the last one's role went with
   * single sign-on.
   */
  async isSetUp(): Promise<boolean> {
    return await hasEnabledAdmin(this.database.read);
  }

  /** Whether there is anybody who might sign in. */
  async hasAny(): Promise<boolean> {
    return (await this.database.read.select({ id: users.id }).from(users).limit(1)).length > 0;
  }

  async find(emailOrId: string): Promise<User | undefined> {
    const row = await findUserRow(this.database.read, emailOrId);
    return row && shownUser(row);
  }

  /** @throws Refusal `not_found`. */
  async get(emailOrId: string): Promise<User> {
    return shownUser(await getUserRow(this.database.read, emailOrId));
  }

  async findByOidc(identity: OidcIdentity): Promise<User | undefined> {
    const row = await findOidcUserRow(this.database.read, identity);
    return row && shownUser(row);
  }

  /**
   * The proof of being the user with this address and password, unless disabled. Takes as long for an address that nobody has.
   * @throws Refusal `too_many_requests` when too many sign in at once.
   */
  async findByPassword(email: string, password: string): Promise<SignInProof | undefined> {
    const [row] = await this.database.read
      .select()
      .from(users)
      .where(eq(users.email, normalEmail(email)));
    const isRight = await isPassword(password, row?.passwordHash ?? null);
    return row && isRight && row.disabledAt === null ? passwordProof(row) : undefined;
  }

  /** @throws Refusal `bad_request` for values that cannot be, `conflict` for an address that is taken. */
  async create(user: NewUser): Promise<User> {
    const row = await newRow(user);
    return await writeIdentity(this.database, async (tx) => shownUser(await insertUser(tx, this.by, row)));
  }

  /**
   * The same with roles in teams, and with a link to choose the password: all of it or nothing.
   * @returns `linkSecret` is shown nowhere else.
   * @throws Refusal as `create`, and `not_found` for a team.
   */
  async invite(
    user: NewUser,
    roles: readonly TeamRole[],
    linkMaxAgeMs: number,
  ): Promise<{ user: User; linkSecret: string }> {
    const row = await newRow(user);
    return await writeIdentity(this.database, async (tx) => {
      const created = await insertUser(tx, this.by, row);
      for (const role of roles) await setMember(tx, this.by, { ...role, userId: created.id });
      const linkSecret = await createPasswordLink(tx, this.by, created, linkMaxAgeMs);
      return { user: shownUser(created), linkSecret };
    });
  }

  /**
   * The first administrator, who sets the server up, and is written down as having done so. Of several at once one comes first.
   * @param secret of the link that allows it, which is used up if it succeeds.
   * @param address from where, as far as that is known.
   * @throws Refusal as `create`, `unauthorized` for the link, and `conflict` when there is such an administrator already.
   */
  async createFirst(
    user: Omit<NewUser, "role">,
    secret: string,
    address: string | null,
  ): Promise<SignInProof> {
    const row = await newRow({ ...user, role: "admin" });
    return await writeIdentity(this.database, async (tx) => {
      if (await hasEnabledAdmin(tx))
        throw new Refusal("conflict", "This larder has been set up already. Sign in instead.");
      requireLink(await redeemLink(tx, secret, "setup"), "setup");
      return passwordProof(await insertUser(tx, userActor(row, address), row));
    });
  }

  /**
   * Whoever is disabled is signed out everywhere, and has no open links.
   * @param roles in teams that change with it: all of it or nothing.
   * @throws Refusal `not_found`, also for a team, `bad_request`, `conflict` for an address that is taken, or when no admin would be left.
   */
  async set(emailOrId: string, change: UserChange, roles: readonly TeamRole[] = []): Promise<User> {
    if (change.email !== undefined) checkEmail(change.email);
    if (change.name !== undefined) checkName(change.name);
    return await writeIdentity(this.database, async (tx) => {
      const before = await getUserRow(tx, emailOrId);
      const hasChange = Object.keys(change).length > 0;
      const after = hasChange ? await changeUser(tx, this.by, before, change) : before;
      for (const role of roles) await setMember(tx, this.by, { ...role, userId: after.id });
      return shownUser(after);
    });
  }

  /**
   * Sets a password and signs the user out everywhere; open links, those of clients too, are worth nothing any more.
   * @throws Refusal `not_found`, `bad_request`.
   */
  async setPassword(emailOrId: string, password: string): Promise<void> {
    const user = await this.get(emailOrId);
    checkPassword(password, user.email);
    const passwordHash = await hashPassword(password);
    await writeIdentity(this.database, (tx) => this.replacePassword(tx, user.id, passwordHash, this.by));
  }

  /**
   * The same for the user who has proved to be one, and does it.
   * @throws Refusal `unauthorized` when the proof holds no more, and `bad_request`.
   */
  async changePassword(proof: SignInProof, password: string, address: string | null): Promise<SignInProof> {
    checkPassword(password, proof.user.email);
    const passwordHash = await hashPassword(password);
    return await writeIdentity(this.database, async (tx) => {
      const user = await requireProved(tx, proof);
      return await this.replacePassword(tx, user.id, passwordHash, userActor(user, address));
    });
  }

  /**
   * The same for the user that a link names, who is then the one who did it. The link is used up if it succeeds.
   * @throws Refusal `unauthorized` for the link, also when its user is disabled, and `bad_request`.
   */
  async setPasswordByLink(secret: string, password: string, address: string | null): Promise<SignInProof> {
    const passwordHash = await hashPassword(password);
    return await writeIdentity(this.database, async (tx) => {
      const { userId } = requireLink(await redeemLink(tx, secret, "password"), "password");
      const [row] = await tx
        .select()
        .from(users)
        .where(eq(users.id, userId ?? ""));
      if (!row || row.disabledAt !== null) throw badLink("password");
      checkPassword(password, row.email);
      return await this.replacePassword(tx, row.id, passwordHash, userActor(row, address));
    });
  }

  /**
   * The secret of a link with which the user can choose a password, in place of those before. Until then nothing changes.
   * @throws Refusal `not_found`, or `conflict` for a user who is disabled.
   */
  async createPasswordLink(emailOrId: string, maxAgeMs: number): Promise<string> {
    return await this.database.write(async (tx) => {
      return await createPasswordLink(tx, this.by, await getUserRow(tx, emailOrId), maxAgeMs);
    });
  }

  /** Deletes a user with memberships, sessions and tokens. @throws Refusal `not_found`, `conflict` for the last admin. */
  async delete(emailOrId: string): Promise<User> {
    return await writeIdentity(this.database, async (tx) => {
      const user = await getUserRow(tx, emailOrId);
      await deleteUser(tx, this.by, user);
      return shownUser(user);
    });
  }

  private async replacePassword(
    tx: Queries,
    userId: string,
    passwordHash: string,
    by: Actor,
  ): Promise<SignInProof> {
    const [row] = await tx.update(users).set({ passwordHash }).where(eq(users.id, userId)).returning();
    if (!row) throw new Refusal("not_found", "This user has been deleted.");
    await tx.delete(sessions).where(eq(sessions.userId, userId));
    await tx.delete(links).where(eq(links.userId, userId));
    await recordAudit(tx, by, { kind: "user.password", target: row.email });
    return passwordProof(row);
  }
}

async function newRow({ password, ...user }: NewUser): Promise<typeof users.$inferInsert> {
  const row = newUserRow(user);
  if (password === undefined) return row;
  checkPassword(password, row.email);
  return { ...row, passwordHash: await hashPassword(password) };
}

/** For `insertUser`. @throws Refusal `bad_request` for values that cannot be. */
export function newUserRow({
  email,
  name = nameOf(email),
  role = "member",
  oidc,
}: Omit<NewUser, "password">): typeof users.$inferInsert {
  checkEmail(email);
  checkName(name);
  return {
    id: `usr_${randomText(16)}`,
    email: normalEmail(email),
    name,
    role,
    oidcIssuer: oidc?.issuer ?? null,
    oidcSubject: oidc?.subject ?? null,
    createdAt: Date.now(),
  };
}

async function createPasswordLink(tx: Queries, by: Actor, user: UserRow, maxAgeMs: number): Promise<string> {
  if (user.disabledAt !== null) {
    throw new Refusal(
      "conflict",
      `${user.email} is disabled. \`larder user set ${user.email} --state enabled\` changes that.`,
    );
  }
  const secret = await createLink(tx, "password", { userId: user.id, maxAgeMs });
  // Whoever has it can become that user.
  await recordAudit(tx, by, { kind: "user.link", target: user.email });
  return secret;
}

function nameOf(email: string): string {
  return email.slice(0, Math.max(0, email.indexOf("@"))) || email;
}
