import { userInfo } from "node:os";
import type { Command } from "commander";
import type { Actor } from "../audit/audit-log.ts";
import { loadConfig } from "../config/load-config.ts";
import type { Config } from "../config/settings.ts";
import { createDataFolder, hasDatabase, needsMigration, openDataFolder } from "../database/data-folder.ts";
import type { Database } from "../database/database.ts";
import { type IdentityServices, identityServices } from "../identity/services.ts";
import { Refusal } from "../refusal.ts";
import { keepServersOff } from "../server/data-lock.ts";
import { version } from "../version.ts";
import type { CommandContext } from "./command-context.ts";
import { settingFlags } from "./setting-options.ts";

export interface Data extends IdentityServices {
  config: Config;
  database: Database;
  /** Who runs the command. */
  by: Actor;
}

/**
 * Runs a command's story on the database that its settings lead to, beside a running server or without one.
 * @throws Refusal `not_found` when no larder has been in the data folder.
 */
export async function withData(
  context: CommandContext,
  command: Command,
  story: (data: Data) => Promise<void>,
): Promise<void> {
  const { config } = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
  // A mistyped folder shall not come to be, and be looked into, as an empty larder.
  if (!hasDatabase(config.data)) {
    throw new Refusal(
      "not_found",
      `There is no larder in ${config.data}. Start it there first, or name its folder with --data.`,
    );
  }
  await runOn(config, command, story);
}

/** The same for commands that may come before the first start: they create the data folder, and say so. */
export async function withNewData(
  context: CommandContext,
  command: Command,
  story: (data: Data) => Promise<void>,
): Promise<void> {
  const { config } = loadConfig({ flags: settingFlags(command), env: context.env, cwd: context.cwd });
  const isNew = !hasDatabase(config.data);
  await runOn(config, command, async (data) => {
    await data.teams.ensureDefault();
    if (isNew) {
      context.stderr(`Created the data folder ${config.data}; start the server with the same --data.\n`);
    }
    await story(data);
  });
}

/** As it was called, such as `larder team create`. */
export function commandName(command: Command): string {
  return command.parent ? `${commandName(command.parent)} ${command.name()}` : command.name();
}

async function runOn(config: Config, command: Command, story: (data: Data) => Promise<void>): Promise<void> {
  createDataFolder(config.data);
  const database = openBesideServer(config.data, commandName(command));
  const by: Actor = { kind: "command", id: null, name: userOfMachine(), address: null };
  try {
    await story({ config, database, ...identityServices(database, by), by });
  } finally {
    await database.close();
  }
}

/** By name, or by number in a container that has none for it. */
function userOfMachine(): string {
  const name = nameOfUser();
  return name === undefined ? `uid ${process.getuid?.() ?? "unknown"}` : name;
}

/** Without USER in the environment Bun (1.4.4) calls everybody "unknown". */
function nameOfUser(): string | undefined {
  try {
    const { username } = userInfo();
    return username === "unknown" ? undefined : username;
  } catch {
    return undefined;
  }
}

/** @throws Refusal `conflict` when a server of another version runs, under whose feet the schema must not change. */
function openBesideServer(folder: string, name: string): Database {
  if (!needsMigration(folder)) return openDataFolder(folder);
  using lock = keepServersOff(folder, name);
  if (!lock) {
    throw new Refusal(
      "conflict",
      `The server that runs on ${folder} is of another version than this larder ${version}. ` +
        "Run this command with the server's own binary, or stop the server and start it with this one.",
    );
  }
  return openDataFolder(folder);
}
