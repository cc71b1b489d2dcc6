import { join } from "node:path";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { Teams } from "../../src/identity/teams.ts";
import type { Asker } from "../../src/usage/asker.ts";
import { BoundedOrigins } from "../../src/usage/bounded-origins.ts";
import type { ClientEvent } from "../../src/usage/client-event.ts";
import { type Counters, noCounters } from "../../src/usage/counters.ts";
import { Runs } from "../../src/usage/runs.ts";
import type { HourUse } from "../../src/usage/sources.ts";
import { UsageHistory } from "../../src/usage/usage-history.ts";
import { UsageRecorder } from "../../src/usage/usage-recorder.ts";
import { addToRollups } from "../../src/usage/usage-rows.ts";
import { startOfStep, usageSpan } from "../../src/usage/usage-span.ts";
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

/** What was counted of an origin in the hour of that time. */
export function hourUse({ teamId, tool, origin }: Asker, at: number, counters: Partial<Counters>): HourUse {
  const since = { sessionsSince: 0, sessions: 0, reportedSince: 0, reported: 0 };
  return {
    use: { teamId, tool, origin, hour: undefined, ...since },
    startAt: startOfStep(at, "hour"),
    counters: { ...noCounters(), ...counters },
  };
}

/** Writes into all sums what was counted, whenever that was. */
export async function addUses(database: Database, uses: readonly HourUse[]): Promise<void> {
  await database.write((tx) => addToRollups(tx, uses, new BoundedOrigins()));
}

export function clientEvent(event: Partial<ClientEvent>): ClientEvent {
  return { sessionId: "s", source: "REMOTE", event: "HIT", hash: "a", durationMs: 0, ...event };
}

export async function allRuns(database: Database) {
  return (await new Runs(database).list({}, { limit: 1_000 })).items;
}
