import type { Actor } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { Members } from "./members.ts";
import { Policies } from "./policies.ts";
import { Teams } from "./teams.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

/** All that looks after who may do what. */
export interface IdentityServices {
  teams: Teams;
  members: Members;
  users: Users;
  tokens: Tokens;
  policies: Policies;
}

/** @param by who makes the changes that are made through these. */
export function identityServices(database: Database, by: Actor): IdentityServices {
  return {
    teams: new Teams(database, by),
    members: new Members(database, by),
    users: new Users(database, by),
    tokens: new Tokens(database, by),
    policies: new Policies(database, by),
  };
}
