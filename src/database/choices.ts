import { eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { choices } from "./schema.ts";

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
