import { and, eq, isNull } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Queries } from "../database/database.ts";
import { links, type memberSources, sessions, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { normalEmail } from "./email.ts";
import type { UserRow } from "./user-row.ts";
import type { UserChange } from "./users.ts";

/*
 * What is done to users, as parts of the transactions that judge whether it may be. `tx` is one of `writeIdentity`.
 */

/** @throws Refusal `conflict` for an address that is taken. */
export async function insertUser(tx: Queries, by: Actor, row: typeof users.$inferInsert): Promise<UserRow> {
  await refuseTakenEmail(tx, row.email);
  const [created] = (await tx.insert(users).values(row).returning()) as [UserRow];
  await recordAudit(tx, by, {
    kind: "user.create",
    target: created.email,
    details: { role: created.role, oidcIssuer: created.oidcIssuer },
  });
  return created;
}

/**
 * Whoever is disabled is signed out everywhere.
 * @param before read in the same transaction.
 * @param source `oidc` for a role that follows single sign-on: it goes also when it was the last administrator's, since the
 *   provider has said no, and the link that the next start prints makes another.
 * @throws Refusal `conflict` for an address that is taken, or when no administrator would be left.
 */
export async function changeUser(
  tx: Queries,
  by: Actor,
  before: UserRow,
  { isDisabled, ...given }: UserChange,
  source: (typeof memberSources)[number] = "manual",
): Promise<UserRow> {
  const change = { ...given, ...(given.email !== undefined && { email: normalEmail(given.email) }) };
  if (change.email !== undefined && change.email !== before.email) await refuseTakenEmail(tx, change.email);
  const [after] = (await tx
    .update(users)
    .set({
      ...change,
      // What is set by hand is meant to stay, and so is what everybody has.
      ...(change.role !== undefined && { roleSource: change.role === "admin" ? source : "manual" }),
      ...(isDisabled !== undefined && { disabledAt: isDisabled ? (before.disabledAt ?? Date.now()) : null }),
    })
    .where(eq(users.id, before.id))
    .returning()) as [UserRow];
  if (after.disabledAt !== null) {
    await tx.delete(sessions).where(eq(sessions.userId, after.id));
    await tx.delete(links).where(eq(links.userId, after.id));
  }
  if (source === "manual") await requireAdminLeft(tx, before);
  await recordAudit(tx, by, {
    kind: "user.set",
    target: before.email,
    details: {
      ...change,
      ...(isDisabled !== undefined && { isDisabled }),
      ...(source === "oidc" && { source }),
      before: {
        ...Object.fromEntries(Object.keys(change).map((key) => [key, before[key as keyof typeof change]])),
        ...(isDisabled !== undefined && { isDisabled: before.disabledAt !== null }),
      },
    },
  });
  return after;
}

/** Deletes a user with memberships, sessions and tokens. @throws Refusal `conflict` for the last administrator. */
export async function deleteUser(tx: Queries, by: Actor, before: UserRow): Promise<void> {
  const { id, email, role } = before;
  await tx.delete(users).where(eq(users.id, id));
  await requireAdminLeft(tx, before);
  await recordAudit(tx, by, { kind: "user.delete", target: email, details: { id, role } });
}

/** Whether there is an administrator who may sign in. */
export async function hasEnabledAdmin(queries: Queries): Promise<boolean> {
  const admins = await queries
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, "admin"), isNull(users.disabledAt)))
    .limit(1);
  return admins.length > 0;
}

/** Whoever is locked out of the administration could only come back through the shell. */
async function requireAdminLeft(tx: Queries, before: UserRow): Promise<void> {
  if (before.role !== "admin" || before.disabledAt !== null || (await hasEnabledAdmin(tx))) return;
  throw new Refusal("conflict", `${before.email} is the last administrator. Make another one first.`);
}

async function refuseTakenEmail(tx: Queries, email: string): Promise<void> {
  const [taken] = await tx.select({ id: users.id }).from(users).where(eq(users.email, email));
  if (taken) throw new Refusal("conflict", `There is a user ${email} already.`);
}
