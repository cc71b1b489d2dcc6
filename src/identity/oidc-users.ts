import { and, eq } from "drizzle-orm";
import type { Logger } from "pino";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { members, sessions, teams, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { checkName } from "./names.ts";
import { oidcProof, type SignInProof } from "./sign-in-proof.ts";
import { type Grants, grantsOf, type OidcClaims, type SignInRule, teamsNamedIn } from "./sign-in-rules.ts";
import { getUserRow } from "./user-row.ts";
import { checkEmail, type User, Users } from "./users.ts";
import { writeIdentity } from "./write-identity.ts";

/** Whom a provider knows and we do not must not fill the disk with what is written down of refusals. */
const maxRefusalsPerMinute = 20;
/** No address is longer (RFC 5321, 4.5.3.1), and no subject should be (OpenID Connect Core 1.0, 2). */
const maxTargetLength = 255;

/** The users that a provider of sign-ins vouches for. */
export class OidcUsers {
  private recorded = { minute: 0, refusals: 0 };

  constructor(
    private readonly database: Database,
    private readonly rules: readonly SignInRule[],
    private readonly log: Logger,
  ) {}

  /**
   * The proof of being the user that the claims are about: known by issuer and subject, or by a verified address and linked from now on, or new.
   * Role and memberships that came with single sign-on follow the rules; what somebody gave by hand stays.
   * @param address from where the sign-in comes, for the audit log.
   * @throws Refusal `forbidden` when no rule matches, when the user is disabled, or when the address cannot be relied on.
   */
  async admit(claims: OidcClaims, address: string | null): Promise<SignInProof> {
    const by: Actor = { kind: "server", id: null, name: "single sign-on", address };
    try {
      return await this.userOf(claims, by);
    } catch (error) {
      if (error instanceof Refusal) await this.recordRefusal(claims, error, by);
      throw error;
    }
  }

  private async userOf(claims: OidcClaims, by: Actor): Promise<SignInProof> {
    const all = new Users(this.database, by);
    const grants = grantsOf(this.rules, claims);
    const linked = await all.findByOidc(claims);
    if (linked) return await this.admitLinked(linked, grants, by);
    if (!grants) throw noRule(claims);
    const email = reliableEmail(claims);
    const local = await all.find(email);
    if (local) await this.link(local, claims, by);
    const user = local ?? (await all.create({ email, ...namedAs(claims), oidc: claims }));
    await this.follow(user, grants, by);
    return oidcProof(await getUserRow(this.database.read, user.id));
  }

  /** Of those that the rules name and that are not there: nobody gets into them. */
  async warnOfMissingTeams(): Promise<void> {
    const rows = await this.database.read.select({ slug: teams.slug }).from(teams);
    const known = new Set(rows.map(({ slug }) => slug));
    const missing = teamsNamedIn(this.rules).filter((slug) => !known.has(slug));
    if (missing.length > 0) this.log.warn({ teams: missing }, "oidcAccess names teams that are not there");
  }

  private async admitLinked(user: User, grants: Grants | undefined, by: Actor): Promise<SignInProof> {
    if (user.disabledAt !== null) throw disabled();
    await this.follow(user, grants, by);
    if (!grants) {
      throw new Refusal(
        "forbidden",
        "You may no longer sign in here this way, and what came with it was taken back. Ask an administrator of this larder.",
      );
    }
    return oidcProof(await getUserRow(this.database.read, user.id));
  }

  /** Idempotent, since somebody may sign in twice at once. */
  private async link(user: User, claims: OidcClaims, by: Actor): Promise<void> {
    if (user.disabledAt !== null) throw disabled();
    const { issuer, subject } = claims;
    await writeIdentity(this.database, async (tx) => {
      const [now] = await tx.select().from(users).where(eq(users.id, user.id));
      if (now?.oidcIssuer === issuer && now.oidcSubject === subject) return;
      // Whoever got the address of somebody who left is another person, and the provider says so by another subject.
      if (claims.isEmailVerified !== true || now?.oidcIssuer === issuer) {
        throw new Refusal(
          "forbidden",
          `Another user has the address ${user.email} here, and the provider does not prove that it is you. Ask an ` +
            "administrator of this larder.",
        );
      }
      await tx.update(users).set({ oidcIssuer: issuer, oidcSubject: subject }).where(eq(users.id, user.id));
      await recordAudit(tx, by, { kind: "user.link", target: user.email, details: { issuer, subject } });
    });
  }

  /** Without grants all that came with single sign-on goes, and the user is signed out everywhere. */
  private async follow(user: User, grants: Grants | undefined, by: Actor): Promise<void> {
    await writeIdentity(this.database, async (tx) => {
      await followRole(tx, user, grants?.role ?? "member", by);
      await followTeams(tx, user, grants?.teams ?? new Map(), by);
      if (!grants) await tx.delete(sessions).where(eq(sessions.userId, user.id));
    });
  }

  private async recordRefusal({ email, issuer, subject }: OidcClaims, { message }: Refusal, by: Actor) {
    const minute = Math.floor(Date.now() / 60_000);
    if (this.recorded.minute !== minute) this.recorded = { minute, refusals: 0 };
    if (++this.recorded.refusals > maxRefusalsPerMinute) return;
    const details = { reason: message, issuer, subject };
    await this.database.write((tx) =>
      recordAudit(tx, by, {
        kind: "session.refuse",
        target: (email ?? subject).slice(0, maxTargetLength),
        details,
      }),
    );
  }
}

/** Also when it was the last administrator's: the provider has said no, and the link that the next start prints makes another. */
async function followRole(tx: Queries, user: User, role: Grants["role"], by: Actor): Promise<void> {
  const [now] = await tx.select().from(users).where(eq(users.id, user.id));
  if (!now || now.role === role || (now.role === "admin" && now.roleSource === "manual")) return;
  const roleSource = role === "admin" ? "oidc" : "manual";
  await tx.update(users).set({ role, roleSource }).where(eq(users.id, user.id));
  await recordAudit(tx, by, { kind: "user.set", target: user.email, details: { role, source: "oidc" } });
}

async function followTeams(tx: Queries, user: User, granted: Grants["teams"], by: Actor): Promise<void> {
  const rows = await tx
    .select({ teamId: teams.id, slug: teams.slug, role: members.role, source: members.source })
    .from(teams)
    .leftJoin(members, and(eq(members.teamId, teams.id), eq(members.userId, user.id)));
  for (const { teamId, slug, role, source } of rows) {
    const wanted = granted.get(slug) ?? null;
    if (source === "manual" || wanted === role) continue;
    if (wanted === null) {
      await tx.delete(members).where(and(eq(members.teamId, teamId), eq(members.userId, user.id)));
    } else {
      await tx
        .insert(members)
        .values({ teamId, userId: user.id, role: wanted, source: "oidc" })
        .onConflictDoUpdate({ target: [members.teamId, members.userId], set: { role: wanted } });
    }
    await recordAudit(tx, by, {
      kind: wanted === null ? "member.remove" : "member.set",
      teamId,
      target: user.email,
      details: { team: slug, role: wanted, source: "oidc" },
    });
  }
}

/** @throws Refusal `forbidden` when an account must not be made for it. */
function reliableEmail({ email, isEmailVerified }: OidcClaims): string {
  if (email === undefined || !isEmail(email)) {
    throw new Refusal(
      "forbidden",
      "The provider does not tell your e-mail address, which larder knows its users by. Have its administrator share it " +
        "(scope email).",
    );
  }
  if (isEmailVerified === false) {
    throw new Refusal(
      "forbidden",
      `The provider has not verified your address ${email}. Verify it there, then sign in again.`,
    );
  }
  return email.toLowerCase();
}

function isEmail(email: string): boolean {
  try {
    checkEmail(email);
    return true;
  } catch {
    return false;
  }
}

/** What stands before the @ will do for a name that would spoil a table. */
function namedAs({ name }: OidcClaims): { name?: string } {
  try {
    if (name === undefined) return {};
    checkName(name);
    return { name };
  } catch {
    return {};
  }
}

function noRule({ email, isEmailVerified }: OidcClaims): Refusal {
  const verify =
    email === undefined || isEmailVerified === true
      ? ""
      : ` The provider does not say that ${email} is verified, so rules about addresses do not count.`;
  return new Refusal(
    "forbidden",
    `You are signed in at the provider, but may not use this larder.${verify} Ask an administrator of this larder.`,
  );
}

function disabled(): Refusal {
  return new Refusal("forbidden", "Your account is disabled. Ask an administrator of this larder.");
}
