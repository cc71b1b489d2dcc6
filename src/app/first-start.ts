import { serverActor } from "../audit/audit-log.ts";
import type { Config } from "../config/settings.ts";
import { choose, keepServedMaxSize, maxSizeChoice } from "../database/choices.ts";
import type { Database } from "../database/database.ts";
import { Links } from "../identity/links.ts";
import { defaultTeamSlug, Teams } from "../identity/teams.ts";
import { Tokens } from "../identity/tokens.ts";
import { Users } from "../identity/users.ts";
import type { DiskStorage } from "../storage/disk/disk-storage.ts";

const autoShare = 0.8;
const setupLinkMaxAgeMs = 60 * 60_000;

/** What the first start chose for `auto` stays, so that the limit does not follow what others do with the disk. */
export async function chooseMaxSize(
  setting: Config["maxSize"],
  database: Database,
  storage: DiskStorage,
): Promise<number | undefined> {
  const maxSizeBytes = setting === "auto" ? await firstChoice(database, storage) : setting;
  await keepServedMaxSize(database, maxSizeBytes);
  return maxSizeBytes;
}

async function firstChoice(database: Database, storage: DiskStorage): Promise<number> {
  const freeBytes = await storage.freeBytes();
  return Number(await choose(database, maxSizeChoice, () => String(Math.floor(freeBytes * autoShare))));
}

/** @returns the secret of a new write token, if the folder has never had a token. */
export async function createFirstToken(database: Database): Promise<string | undefined> {
  const tokens = new Tokens(database, serverActor);
  if (await tokens.any()) return undefined;
  const team = await new Teams(database, serverActor).get(defaultTeamSlug);
  const { secret } = await tokens.create({ teamId: team.id, name: "first start", permission: "write" });
  return secret;
}

/**
 * @param urls those of the server.
 * @returns a new link in place of all before, once with each of the URLs; none if there is an administrator.
 */
export async function createSetupLinks(database: Database, urls: readonly string[]): Promise<string[]> {
  if (await new Users(database, serverActor).isSetUp()) return [];
  const secret = await new Links(database).create("setup", { maxAgeMs: setupLinkMaxAgeMs });
  // In the fragment, which browsers do not send: no log on the way has it.
  return urls.map((url) => `${url}/setup#${secret}`);
}
