import { eq } from "drizzle-orm";
import type { Database, Queries } from "./database.ts";
import { choices } from "./schema.ts";

/** The choice of the first start, in bytes, where `maxSize` is `auto`. */
export const maxSizeChoice = "maxSizeBytes";

const servedMaxSize = "servedMaxSizeBytes";

/** Keeps the limit by which a server goes, for commands that are told of none. */
export async function keepServedMaxSize(database: Database, maxSizeBytes: number | undefined): Promise<void> {
  await database.write((tx) => keep(tx, servedMaxSize, String(maxSizeBytes ?? "none")));
}

/** The limit by which the server goes that runs here, or ran here last; undefined for none. */
export async function readServedMaxSize(database: Database): Promise<number | undefined> {
  const served = await chosen(database, servedMaxSize);
  return served === undefined || served === "none" ? undefined : Number(served);
}

/** What was chosen for `key` before, if anything was. */
export async function chosen(database: Database, key: string): Promise<string | undefined> {
  const [before] = await database.read.select().from(choices).where(eq(choices.key, key));
  return before?.value;
}

/** Keeps it for `key`, in the place of what was there before. */
export async function keep(tx: Queries, key: string, value: string): Promise<void> {
  await tx.insert(choices).values({ key, value }).onConflictDoUpdate({ target: choices.key, set: { value } });
}

/** What was chosen for `key` before, or what `make` chooses now, from then on. */
export async function choose(database: Database, key: string, make: () => string): Promise<string> {
  return await database.write(async (tx) => {
    const [before] = await tx.select().from(choices).where(eq(choices.key, key));
    if (before) return before.value;
    const value = make();
    await tx.insert(choices).values({ key, value });
    return value;
  });
}
