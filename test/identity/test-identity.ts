import { join } from "node:path";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { audit } from "../../src/database/schema.ts";
import { Authenticator } from "../../src/identity/authenticator.ts";
import { Links } from "../../src/identity/links.ts";
import { Members } from "../../src/identity/members.ts";
import { PasswordSignIn } from "../../src/identity/password-sign-in.ts";
import { Sessions } from "../../src/identity/sessions.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { Users } from "../../src/identity/users.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Teams, people and tokens as one process sees them, and a second process's view of the same database. */
export function openTestIdentity(environmentSecrets: string[] = []) {
  const folder = temporaryFolder();
  const path = join(folder.path, "larder.db");
  const database = openDatabase(path);
  const other = openDatabase(path);
  const of = (one: Database) => {
    const users = new Users(one, serverActor);
    return {
      teams: new Teams(one, serverActor),
      tokens: new Tokens(one, serverActor),
      users,
      members: new Members(one, serverActor),
      sessions: new Sessions(one),
      links: new Links(one),
      passwordSignIn: new PasswordSignIn(one, users, pino({ level: "silent" })),
    };
  };
  return {
    path,
    database,
    ...of(database),
    beside: of(other),
    authenticator: new Authenticator(database, environmentSecrets),
    /** What has been written down, oldest first. */
    auditKinds: () =>
      database.read
        .select()
        .from(audit)
        .orderBy(audit.id)
        .all()
        .map(({ kind }) => kind),
    async [Symbol.asyncDispose]() {
      await other.close();
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}
