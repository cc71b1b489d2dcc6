import { and, eq } from "drizzle-orm";
import type { Logger } from "pino";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import { RefusalLog } from "../audit/refusal-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { members, sessions, teams, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { changeUser, insertUser } from "./change-user.ts";
import { isEmail, normalEmail } from "./email.ts";
import { setMember } from "./members.ts";
import { checkName } from "./names.ts";
import { oidcProof, type SignInProof } from "./sign-in-proof.ts";
import { type Grants, grantsOf, type OidcClaims, type SignInRule, teamsNamedIn } from "./sign-in-rules.ts";
import { unverifiedEmail } from "./unverified-email.ts";
import { findOidcUserRow, findUserRow, getUserRow, type UserRow } from "./user-row.ts";
import { newUserRow } from "./users.ts";
import { writeIdentity } from "./write-identity.ts";

/** Whom a provider knows and we do not must not fill the disk with what is written down of refusals. */
const maxRefusalsPerMinute = 20;
/** No address is longer (RFC 5321, 4.5.3.1), and no subject should be (OpenID Connect Core 1.0, 2). */
const maxTargetLength = 255;

/** The users that a provider of sign-ins vouches for. */
export class OidcUsers {
  private readonly refusals: RefusalLog;

  constructor(
    private readonly database: Database,
    private readonly rules: readonly SignInRule[],
    private readonly log: Logger,
  ) {
    this.refusals = new RefusalLog(database, maxRefusalsPerMinute);
  }

  /**
   * The proof of being the user that the claims are about: known by issuer and subject, or by a verified address and linked from now on, or new.
   * Role and memberships that came with single sign-on follow the rules; what somebody gave by hand stays.
   * @param address from where the sign-in comes, for the audit log.
   * @throws Refusal `forbidden` when no rule matches, when the user is disabled, or when the address cannot be relied on.
   */
  async admit(claims: OidcClaims, address: string | null): Promise<SignInProof> {
    const by: Actor = { kind: "server", id: null, name: "single sign-on", address };
    const grants = grantsOf(this.rules, claims);
    try {
      const proof = await writeIdentity(this.database, (tx) => admitted(tx, claims, grants, by));
      // Refused only now: what the transaction has taken back stays so.
      if (!proof) throw noLonger();
      return proof;
    } catch (error) {
      if (error instanceof Refusal) await this.recordRefusal(claims, error, by);
      throw error;
    }
  }

  /** Of those that the rules name and that are not there: nobody gets into them. */
  async warnOfMissingTeams(): Promise<void> {
    const rows = await this.database.read.select({ slug: teams.slug }).from(teams);
    const known = new Set(rows.map(({ slug }) => slug));
    const missing = teamsNamedIn(this.rules).filter((slug) => !known.has(slug));
    if (missing.length > 0) this.log.warn({ teams: missing }, "oidcAccess names teams that are not there");
  }

  private async recordRefusal({ email, issuer, subject }: OidcClaims, { message }: Refusal, by: Actor) {
    await this.refusals.record(by, {
      kind: "session.refuse",
      target: (email === undefined ? subject : normalEmail(email)).slice(0, maxTargetLength),
      details: { reason: message, issuer, subject },
    });
  }
}

/** Without grants all that came with single sign-on goes, the user is signed out everywhere, and there is no proof. */
async function admitted(
  tx: Queries,
  claims: OidcClaims,
  grants: Grants | undefined,
  by: Actor,
): Promise<SignInProof | undefined> {
  const linked = await findOidcUserRow(tx, claims);
  if (linked && linked.disabledAt !== null) throw disabled();
  if (!linked && !grants) throw noRule(claims);
  const user = linked ?? (await linkOrInsert(tx, claims, by));
  await followRole(tx, user, grants?.role ?? "member", by);
  await followTeams(tx, user.id, grants?.teams ?? new Map(), by);
  if (grants) return oidcProof(await getUserRow(tx, user.id));
  await tx.delete(sessions).where(eq(sessions.userId, user.id));
  return undefined;
}

async function linkOrInsert(tx: Queries, claims: OidcClaims, by: Actor): Promise<UserRow> {
  const email = reliableEmail(claims);
  const local = await findUserRow(tx, email);
  if (!local) return await insertUser(tx, by, newUserRow({ email, ...namedAs(claims), oidc: claims }));
  if (local.disabledAt !== null) throw disabled();
  const { issuer, subject } = claims;
  // Whoever got the address of somebody who left is another person, and the provider says so by another subject.
  if (claims.isEmailVerified !== true || local.oidcIssuer === issuer) {
    throw new Refusal(
      "forbidden",
      `Another user has the address ${local.email} here, and the provider does not prove that it is you. Ask an ` +
        "administrator of this larder.",
    );
  }
  await tx.update(users).set({ oidcIssuer: issuer, oidcSubject: subject }).where(eq(users.id, local.id));
  await recordAudit(tx, by, { kind: "user.oidc-link", target: local.email, details: { issuer, subject } });
  return local;
}

async function followRole(tx: Queries, user: UserRow, role: Grants["role"], by: Actor): Promise<void> {
  if (user.role === role || (user.role === "admin" && user.roleSource === "manual")) return;
  await changeUser(tx, by, user, { role }, "oidc");
}

async function followTeams(tx: Queries, userId: string, granted: Grants["teams"], by: Actor): Promise<void> {
  const rows = await tx
    .select({ teamId: teams.id, slug: teams.slug, role: members.role, source: members.source })
    .from(teams)
    .leftJoin(members, and(eq(members.teamId, teams.id), eq(members.userId, userId)));
  for (const { teamId, slug, role, source } of rows) {
    const wanted = granted.get(slug) ?? null;
    if (source === "manual" || wanted === role) continue;
    await setMember(tx, by, { team: teamId, userId, role: wanted, source: "oidc" });
  }
}

/** @throws Refusal `forbidden` when an account must not be made for it. */
function reliableEmail({ email, isEmailVerified, issuer, subject }: OidcClaims): string {
  if (email === undefined) {
    throw new Refusal(
      "forbidden",
      "The provider does not tell your e-mail address, which larder knows its users by. Have its administrator share it " +
        "(scope email).",
    );
  }
  if (!isEmail(email)) {
    throw new Refusal(
      "forbidden",
      "The address that the provider has for you cannot be one here: it holds other letters than those of ASCII, or more than " +
        "an address. Have its administrator correct it.",
    );
  }
  if (isEmailVerified === false) {
    throw new Refusal(
      "forbidden",
      `The provider has not verified your address ${email}. Verify it there, then sign in again.`,
    );
  }
  return isEmailVerified ? normalEmail(email) : unverifiedEmail(email, { issuer, subject });
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

function noLonger(): Refusal {
  return new Refusal(
    "forbidden",
    "You may no longer sign in here this way, and what came with it was taken back. Ask an administrator of this larder.",
  );
}

function disabled(): Refusal {
  return new Refusal("forbidden", "Your account is disabled. Ask an administrator of this larder.");
}
