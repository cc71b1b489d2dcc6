import { join } from "node:path";
import { eq } from "drizzle-orm";
import { serverActor } from "../../src/audit/audit-log.ts";
import { openDatabase } from "../../src/database/database.ts";
import { tokens } from "../../src/database/schema.ts";
import { ClientLogins } from "../../src/identity/client-logins.ts";
import { Links } from "../../src/identity/links.ts";
import { Members } from "../../src/identity/members.ts";
import { Sessions } from "../../src/identity/sessions.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { writeIdentity } from "../../src/identity/write-identity.ts";

/** The identities of a larder that runs, as another process beside it may change them. */
export function identityBeside(dataFolder: string) {
  const database = openDatabase(join(dataFolder, "larder.db"));
  return {
    users: new Users(database, serverActor),
    members: new Members(database, serverActor),
    teams: new Teams(database, serverActor),
    tokens: new Tokens(database, serverActor),
    links: new Links(database),
    sessions: new Sessions(database),
    /** With tokens that last for an hour. */
    logins: new ClientLogins(database, 3_600_000),
    /** Lets a token have expired a moment ago. */
    async expireToken(id: string) {
      await writeIdentity(database, async (tx) => {
        await tx
          .update(tokens)
          .set({ expiresAt: Date.now() - 1 })
          .where(eq(tokens.id, id));
      });
    },
    async [Symbol.asyncDispose]() {
      await database.close();
    },
  };
}
