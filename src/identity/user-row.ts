import { and, eq, or } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { normalEmail } from "./email.ts";
import type { OidcIdentity, User } from "./users.ts";

/** A user as the database has one. What may be shown of it is a `User`. */
export type UserRow = typeof users.$inferSelect;

export function shownUser({ passwordHash, oidcSubject: _, ...row }: UserRow): User {
  return { ...row, hasPassword: passwordHash !== null };
}

/** To change a user, read it in the transaction that does so: what was read before may be out of date. */
export async function findUserRow(queries: Queries, emailOrId: string): Promise<UserRow | undefined> {
  const [row] = await queries
    .select()
    .from(users)
    .where(or(eq(users.email, normalEmail(emailOrId)), eq(users.id, emailOrId)));
  return row;
}

/** The one whom a provider of sign-ins knows under this name. */
export async function findOidcUserRow(
  queries: Queries,
  { issuer, subject }: OidcIdentity,
): Promise<UserRow | undefined> {
  const [row] = await queries
    .select()
    .from(users)
    .where(and(eq(users.oidcIssuer, issuer), eq(users.oidcSubject, subject)));
  return row;
}

/** As `findUserRow`. @throws Refusal `not_found`. */
export async function getUserRow(queries: Queries, emailOrId: string): Promise<UserRow> {
  const row = await findUserRow(queries, emailOrId);
  if (!row)
    throw new Refusal("not_found", `There is no user "${emailOrId}". \`larder user list\` shows them all.`);
  return row;
}
