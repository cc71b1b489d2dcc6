import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { tokens, users } from "../database/schema.ts";
import type { Credential } from "./principal.ts";

const holderOf = prepared((queries) =>
  queries
    .select({ permission: tokens.permission, scope: tokens.scope, role: users.role })
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .where(eq(tokens.id, given("id"))),
);

/** Whether the token may administer the server: it is an administrator's own, trusted, and its permission is `admin`. */
export async function isServerAdministrator(
  database: Database,
  { tokenId, userId }: Credential,
): Promise<boolean> {
  if (tokenId === null || userId === null) return false;
  const [token] = await holderOf(database.read).execute({ id: tokenId });
  return token?.role === "admin" && token.permission === "admin" && token.scope === "";
}
