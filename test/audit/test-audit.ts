import { join } from "node:path";
import { asc } from "drizzle-orm";
import type { Actor } from "../../src/audit/audit-log.ts";
import { openDatabase } from "../../src/database/database.ts";
import { audit } from "../../src/database/schema.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export const ann: Actor = { kind: "user", id: "usr_ann", name: "ann@example.org", address: "192.0.2.7" };

/** A database of its own, with what its audit log tells. */
export function openTestAudit() {
  const folder = temporaryFolder();
  const path = join(folder.path, "larder.db");
  const database = openDatabase(path);
  return {
    path,
    database,
    /** Oldest first. */
    rows: () => database.read.select().from(audit).orderBy(asc(audit.id)),
    /** Lets all rows there are be so old. */
    age: (ageMs: number) =>
      database.write(async (tx) => {
        await tx.update(audit).set({ createdAt: Date.now() - ageMs });
      }),
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}
