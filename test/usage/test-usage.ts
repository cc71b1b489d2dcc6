import { join } from "node:path";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { Teams } from "../../src/identity/teams.ts";
import type { Asker } from "../../src/usage/asker.ts";
import type { ClientEvent } from "../../src/usage/client-event.ts";
import { Runs } from "../../src/usage/runs.ts";
import { UsageHistory } from "../../src/usage/usage-history.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { usageSpan } from "../../src/usage/usage-span.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export const silent = pino({ level: "silent" });
const dayMs = 86_400_000;

/** A database with team `default`, and what reads and writes the use of a cache in it. */
export async function openTestUsage() {
  const folder = temporaryFolder();
  const path = join(folder.path, "larder.db");
  const database = openDatabase(path);
  const teams = new Teams(database, serverActor);
  const team = await teams.ensureDefault();
  return {
    path,
    database,
    teams,
    team,
    recorder: new UsageRecorder(database, silent),
    history: new UsageHistory(database),
    runs: new Runs(database),
    /** Everything from yesterday to tomorrow. */
    totals: () => new UsageHistory(database).totals({ span: recently() }),
    async [Symbol.asyncDispose]() {
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}

export function recently(now = Date.now()) {
  return usageSpan(now - dayMs, now + dayMs);
}

export function askerOf(teamId: string, more: Partial<Asker> = {}): Asker {
  const tokenId = more.tokenId ?? "tok_1";
  return {
    teamId,
    tool: "turbo",
    origin: { kind: "token", id: tokenId },
    tokenId,
    name: "ci",
    userId: null,
    scope: "",
    ...more,
  };
}

export function clientEvent(event: Partial<ClientEvent>): ClientEvent {
  return { sessionId: "s", source: "REMOTE", event: "HIT", hash: "a", durationMs: 0, ...event };
}

export async function allRuns(database: Database) {
  return (await new Runs(database).list({}, { limit: 1_000 })).items;
}
