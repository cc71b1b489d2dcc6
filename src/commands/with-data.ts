import type { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import { createDataFolder, openDataFolder } from "../database/data-folder.ts";
import type { Database } from "../database/database.ts";
import { Teams } from "../identity/teams.ts";
import { Tokens } from "../identity/tokens.ts";
import type { CommandContext } from "./command-context.ts";
import { settingFlags } from "./setting-options.ts";

export interface Data {
  database: Database;
  teams: Teams;
  tokens: Tokens;
}

/** Runs a command's story on the database that its settings lead to, beside a running server or without one. */
export async function withData(
  context: CommandContext,
  command: Command,
  story: (data: Data) => Promise<void>,
): Promise<void> {
  const { config } = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
  createDataFolder(config.data);
  const database = openDataFolder(config.data);
  try {
    const teams = new Teams(database);
    // A folder may be prepared before its first server starts.
    await teams.ensureDefault();
    await story({ database, teams, tokens: new Tokens(database) });
  } finally {
    await database.close();
  }
}
