import { join } from "node:path";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { Authenticator } from "../../src/identity/authenticator.ts";
import { Teams } from "../../src/identity/teams.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Teams and tokens as one process sees them, and a second process's view of the same database. */
export function openTestIdentity(environmentSecrets: string[] = []) {
  const folder = temporaryFolder();
  const path = join(folder.path, "larder.db");
  const database = openDatabase(path);
  const other = openDatabase(path);
  const of = (one: Database) => ({
    teams: new Teams(one, serverActor),
    tokens: new Tokens(one, serverActor),
  });
  return {
    path,
    ...of(database),
    beside: of(other),
    authenticator: new Authenticator(database, environmentSecrets),
    async [Symbol.asyncDispose]() {
      await other.close();
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}
