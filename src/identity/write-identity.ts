import { sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { identityKey } from "../database/database.ts";
import { prepared } from "../database/prepared.ts";
import { versions } from "../database/schema.ts";

const countUp = prepared((queries) =>
  queries
    .insert(versions)
    .values({ key: identityKey, version: 1 })
    .onConflictDoUpdate({ target: versions.key, set: { version: sql`${versions.version} + 1` } }),
);

/**
 * A write that changes who may do what. Every one has to go through here: what the servers remember of teams, users and
 * tokens is forgotten with it, in this process and in others, before it is answered. All but `createToken`, which says why.
 */
export function writeIdentity<T>(database: Database, work: (tx: Queries) => Promise<T>): Promise<T> {
  return database.write(async (tx) => {
    const result = await work(tx);
    await countUp(tx).execute();
    return result;
  });
}
