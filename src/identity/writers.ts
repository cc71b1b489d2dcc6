import { eq, or, type SQL } from "drizzle-orm";
import { type AuditFilter, AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { artifacts, tokens, users } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { normalEmail } from "./email.ts";
import { digestSecret, isSecret } from "./secret.ts";

/** Of which the log tells; in between others have their turn. */
const tokensAtOnce = 1_000;

/** Stands for the environment's tokens, which have no id. */
export const environmentWriter = "TURBO_TOKEN";

/**
 * The ids of the tokens that somebody means who wants to know who wrote something: one by id or secret, all of a user by
 * e-mail address or id, all that were got under a policy by its id, or null for the environment's. Tokens that have expired
 * or are gone count, as long as anything tells of them.
 * @returns undefined for what is none of these, such as a name.
 * @throws Refusal `not_found` when nothing is known of such a token, user or policy.
 */
export async function writersOf(database: Database, writer: string): Promise<string[] | null | undefined> {
  if (writer === environmentWriter) return null;
  if (isSecret(writer)) return await tokenWithSecret(database, writer);
  if (writer.startsWith("tok_")) {
    if (await isKnown(database, writer)) return [writer];
    throw noToken();
  }
  if (writer.startsWith("pol_")) {
    const ids = await tokensOf(database, eq(tokens.policyId, writer), ["policyId", writer]);
    if (ids.length > 0) return ids;
    throw new Refusal("not_found", `No token has been got under a policy ${writer}.`);
  }
  if (writer.includes("@") || writer.startsWith("usr_")) return await tokensOfUser(database, writer);
  return undefined;
}

async function tokenWithSecret(database: Database, secret: string): Promise<string[]> {
  const [token] = await database.read
    .select({ id: tokens.id })
    .from(tokens)
    .where(eq(tokens.secretSha256, digestSecret(secret)));
  if (token) return [token.id];
  throw noToken();
}

/** A deleted token is known by what it wrote, or by the account of what was done with it. */
async function isKnown(database: Database, id: string): Promise<boolean> {
  const { read } = database;
  const [token] = await read.select({ id: tokens.id }).from(tokens).where(eq(tokens.id, id));
  if (token) return true;
  const [written] = await read
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(eq(artifacts.writtenBy, id))
    .limit(1);
  if (written) return true;
  const log = new AuditLog(database);
  const occurs = async (filter: AuditFilter) => (await log.list(filter, { limit: 1 })).items.length > 0;
  return (await occurs({ kind: "token", target: id })) || (await occurs({ actors: [id] }));
}

async function tokensOfUser(database: Database, emailOrId: string): Promise<string[]> {
  const [user] = await database.read
    .select({ id: users.id, email: users.email })
    .from(users)
    .where(or(eq(users.email, normalEmail(emailOrId)), eq(users.id, emailOrId)));
  const email = user?.email ?? normalEmail(emailOrId);
  const ids = await tokensOf(database, user && eq(tokens.userId, user.id), ["user", email]);
  if (user || ids.length > 0) return ids;
  throw new Refusal("not_found", `There is no user "${emailOrId}", and none that had tokens.`);
}

/** Those that there are, and those of which only the account of their creation is left. */
async function tokensOf(
  database: Database,
  condition: SQL | undefined,
  detail: readonly [name: string, value: string],
): Promise<string[]> {
  const ids = new Set<string>();
  if (condition) {
    const there = await database.read.select({ id: tokens.id }).from(tokens).where(condition);
    for (const { id } of there) ids.add(id);
  }
  const log = new AuditLog(database);
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await log.list({ kind: "token.create", detail }, { limit: tokensAtOnce, cursor });
    for (const { target } of page.items) if (target !== null) ids.add(target);
    cursor = page.nextCursor;
  }
  return [...ids];
}

function noToken(): Refusal {
  return new Refusal(
    "not_found",
    "There is no such token. `larder token list` shows them with their ids; a name needs --team.",
  );
}
