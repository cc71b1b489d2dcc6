import type { Queries } from "../database/database.ts";
import { Refusal } from "../refusal.ts";
import { findUserRow, shownUser, type UserRow } from "./user-row.ts";
import type { User } from "./users.ts";

/**
 * That somebody has just proved to be a user. Before anything comes of it, `requireProved` asks again: to change the password or
 * to disable the user must also keep out whoever is about to sign in at that moment.
 */
export interface SignInProof {
  /** As it was when it was proved. */
  readonly user: User;
  /** Whether the same would prove it now. */
  readonly stillHolds: (now: UserRow) => boolean;
}

/** By the password that the row has, or by having set it. */
export function passwordProof(row: UserRow): SignInProof {
  const { passwordHash } = row;
  return { user: shownUser(row), stillHolds: (now) => now.passwordHash === passwordHash };
}

/** By the provider that the row names. */
export function oidcProof(row: UserRow): SignInProof {
  const { oidcIssuer, oidcSubject } = row;
  return {
    user: shownUser(row),
    stillHolds: (now) => now.oidcIssuer === oidcIssuer && now.oidcSubject === oidcSubject,
  };
}

/**
 * The user as it is now, in the transaction that relies on it.
 * @throws Refusal `unauthorized` when the user is deleted or disabled since, or what proved it does so no more.
 */
export async function requireProved(tx: Queries, { user, stillHolds }: SignInProof): Promise<UserRow> {
  const now = await findUserRow(tx, user.id);
  if (now && now.disabledAt === null && stillHolds(now)) return now;
  throw new Refusal("unauthorized", "Your account has changed while you signed in. Sign in again.");
}
