import { expect } from "bun:test";
import { join } from "node:path";
import { serverActor } from "../../src/audit/audit-log.ts";
import { openDatabase } from "../../src/database/database.ts";
import { Tokens } from "../../src/identity/tokens.ts";
import { type UserRole, Users } from "../../src/identity/users.ts";
import type { RunningLarder } from "../larder.ts";
import { logLines } from "../server/log-lines.ts";
import { until } from "../server/until.ts";
import { type Family, parseExposition } from "./exposition.ts";

export const metricsToken = "a secret for prometheus".replaceAll(" ", "-");

const patienceMs = 60_000;

/** What a server with that token shows of the time from now on: its answers may be a second old. */
export async function scrape(larder: RunningLarder): Promise<Map<string, Family>> {
  const ask = async () => (await askMetrics(larder.url, metricsToken)).text();
  const maybeOld = await ask();
  // The processor time in it is another each time that it is gathered.
  return parseExposition(await askUntil(ask, (text) => text !== maybeOld));
}

/** The first that the server shows of which `holds` is true. */
export async function scrapeUntil(
  larder: RunningLarder,
  holds: (families: Map<string, Family>) => boolean,
): Promise<Map<string, Family>> {
  const ask = async () => parseExposition(await (await askMetrics(larder.url, metricsToken)).text());
  return await askUntil(ask, holds);
}

async function askUntil<Answer>(
  ask: () => Promise<Answer>,
  holds: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`Not within ${patienceMs} ms: ${holds}`);
  }
}

export async function askMetrics(url: string, token?: string, method = "GET"): Promise<Response> {
  return await fetch(`${url}/metrics`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
}

/** Where a server with a port of their own shows them. */
export async function ownMetricsUrl(larder: RunningLarder): Promise<string> {
  const find = () => {
    const log = larder.stderr();
    // The last line may have come in part.
    const lines = logLines(log.slice(0, log.lastIndexOf("\n") + 1));
    return lines.find(({ msg }) => msg === "metrics served")?.url as string;
  };
  await until(larder.url, () => find() !== undefined);
  expect(find()).toStartWith("http://127.0.0.1:");
  return find().replace(/\/metrics$/, "");
}

/** A token of a user's own, made beside the server. */
export async function userToken(
  { dataFolder }: RunningLarder,
  role: UserRole,
  permission: "read" | "write" | "admin",
): Promise<string> {
  const database = openDatabase(join(dataFolder, "larder.db"));
  try {
    const email = `${role}-${permission}@example.org`;
    const user = await new Users(database, serverActor).create({ email, role });
    const tokens = new Tokens(database, serverActor);
    return (await tokens.create({ userId: user.id, name: "own", permission })).secret;
  } finally {
    await database.close();
  }
}
