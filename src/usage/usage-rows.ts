import { eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { events, runs, teams } from "../database/schema.ts";
import type { BoundedOrigins } from "./bounded-origins.ts";
import { addCounters, type Counters, counterNames } from "./counters.ts";
import type { Happening } from "./happening.ts";
import type { OpenRun } from "./open-runs.ts";
import { type OriginRollup, originRollups, type TeamRollup, teamRollups } from "./rollups.ts";
import type { HourUse } from "./sources.ts";
import { type RollupStep, startOfStep } from "./usage-span.ts";

/** A run as it was written. */
export interface RunRow {
  id: number;
  /** How many of its events were to be written, with these. */
  events: number;
}

type Counted = Record<keyof Counters, SQL>;

const givenCounters = Object.fromEntries(counterNames.map((name) => [name, given(name)])) as Counted;

/** What was there before, and what is given. */
function added(table: typeof runs | OriginRollup | TeamRollup): Counted {
  const sums = counterNames.map((name) => [name, sql`${table[name]} + ${given(name)}`]);
  return Object.fromEntries(sums) as Counted;
}

const givenUse = () => ({ startAt: given("startAt"), teamId: given("teamId"), tool: given("tool") });
const givenOrigin = () => ({ originKind: given("originKind"), originId: given("originId") });

function additionToOrigin(queries: Queries, table: OriginRollup) {
  return queries
    .insert(table)
    .values({ ...givenUse(), ...givenOrigin(), ...givenCounters })
    .onConflictDoUpdate({
      target: [table.startAt, table.teamId, table.tool, table.originKind, table.originId],
      set: added(table),
    });
}

function additionToTeam(queries: Queries, table: TeamRollup) {
  return queries
    .insert(table)
    .values({ ...givenUse(), ...givenCounters })
    .onConflictDoUpdate({ target: [table.startAt, table.teamId, table.tool], set: added(table) });
}

const addToOrigin = {
  hour: prepared((queries) => additionToOrigin(queries, originRollups.hour)),
  day: prepared((queries) => additionToOrigin(queries, originRollups.day)),
  month: prepared((queries) => additionToOrigin(queries, originRollups.month)),
};
const addToTeam = {
  hour: prepared((queries) => additionToTeam(queries, teamRollups.hour)),
  day: prepared((queries) => additionToTeam(queries, teamRollups.day)),
};
/** How many there are at most for the use of one origin in an hour. */
export const rowsPerHourUse = Object.keys(addToOrigin).length + Object.keys(addToTeam).length;

const changedRun = () => ({
  clientCi: sql`coalesce(${runs.clientCi}, ${given("clientCi")})`,
  startedAt: sql`case when ${given("startedAt")} < ${runs.startedAt} then ${given("startedAt")} else ${runs.startedAt} end`,
  lastEventAt: sql`case when ${given("lastEventAt")} > ${runs.lastEventAt} then ${given("lastEventAt")} else ${runs.lastEventAt} end`,
  events: sql`${runs.events} + ${given("events")}`,
  ...added(runs),
});
const writtenRun = { id: runs.id, events: runs.events };

const updateRun = prepared((queries) =>
  queries
    .update(runs)
    .set(changedRun())
    .where(eq(runs.id, given("id")))
    .returning(writtenRun),
);

/** Of a session that an earlier process has begun there is a row already. */
const insertRun = prepared((queries) =>
  queries
    .insert(runs)
    .values({
      teamId: given("teamId"),
      tool: given("tool"),
      sessionId: given("sessionId"),
      originKind: given("originKind"),
      originId: given("originId"),
      tokenId: given("tokenId"),
      actorName: given("actorName"),
      userId: given("userId"),
      scope: given("scope"),
      clientCi: given("clientCi"),
      startedAt: given("startedAt"),
      lastEventAt: given("lastEventAt"),
      events: given("events"),
      ...givenCounters,
    })
    .onConflictDoUpdate({
      target: [runs.sessionId, runs.teamId, runs.tool, runs.originKind, runs.originId, runs.tokenId],
      set: changedRun(),
    })
    .returning(writtenRun),
);

const eventsPerStatement = 50;
const insertMany = prepared((queries) => eventInsertion(queries, eventsPerStatement));
const insertOne = prepared((queries) => eventInsertion(queries, 1));

function eventInsertion(queries: Queries, count: number) {
  return queries.insert(events).values(
    Array.from({ length: count }, (_, index) => ({
      runId: given("runId"),
      kind: given(`kind${index}`),
      hash: given(`hash${index}`),
      durationMs: given(`durationMs${index}`),
      sizeBytes: given(`sizeBytes${index}`),
      createdAt: given(`createdAt${index}`),
    })),
  );
}

/** Those of the teams that there are. */
export async function existingTeams(tx: Queries, ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const rows = await tx
    .select({ id: teams.id })
    .from(teams)
    .where(inArray(teams.id, [...ids]));
  return new Set(rows.map(({ id }) => id));
}

/** Writes each row of the sums once, whatever part of the uses goes into it. */
export async function addToRollups(
  tx: Queries,
  hours: readonly HourUse[],
  origins: BoundedOrigins,
): Promise<void> {
  const ofDays = [];
  const ofMonths = [];
  const ofTeams = [];
  for (const { use, startAt, counters } of hours) {
    const { ofDay, ofMonth } = await origins.originsOf(tx, use, startAt);
    const ofTeam = { startAt, teamId: use.teamId, tool: use.tool, counters };
    ofDays.push({ ...ofTeam, originKind: ofDay.kind, originId: ofDay.id });
    ofMonths.push({ ...ofTeam, originKind: ofMonth.kind, originId: ofMonth.id });
    ofTeams.push(ofTeam);
  }
  for (const row of summedUp(ofDays, "hour")) await addToOrigin.hour(tx).execute({ ...row });
  for (const row of summedUp(ofDays, "day")) await addToOrigin.day(tx).execute({ ...row });
  for (const row of summedUp(ofMonths, "month")) await addToOrigin.month(tx).execute({ ...row });
  for (const row of summedUp(ofTeams, "hour")) await addToTeam.hour(tx).execute({ ...row });
  for (const row of summedUp(ofTeams, "day")) await addToTeam.day(tx).execute({ ...row });
}

/** One for each row of the sums of that step, as its query takes it. */
function summedUp<Use extends { startAt: number; counters: Counters }>(
  uses: readonly Use[],
  step: RollupStep,
): (Omit<Use, "counters"> & Counters)[] {
  const rows = new Map<string, Omit<Use, "counters"> & Counters>();
  for (const { counters, ...use } of uses) {
    const row = { ...use, startAt: startOfStep(use.startAt, step) };
    const key = JSON.stringify(row);
    const before = rows.get(key);
    if (before) addCounters(before, counters);
    else rows.set(key, { ...row, ...counters });
  }
  return [...rows.values()];
}

/** @param id the run's, if it was written before. */
export async function writeRun(
  tx: Queries,
  run: OpenRun,
  id: number | undefined,
  counters: Counters,
  eventCount: number,
): Promise<RunRow> {
  const { asker, sessionId, clientCi, startedAt, lastEventAt } = run;
  const changes = { clientCi, startedAt, lastEventAt, events: eventCount, ...counters };
  const [before] = id === undefined ? [] : await updateRun(tx).execute({ id, ...changes });
  if (before) return before;
  const [row] = await insertRun(tx).execute({
    teamId: asker.teamId,
    tool: asker.tool,
    sessionId,
    originKind: asker.origin.kind,
    originId: asker.origin.id,
    tokenId: asker.tokenId ?? "",
    actorName: asker.name,
    userId: asker.userId,
    scope: asker.scope,
    ...changes,
  });
  return row as RunRow;
}

export async function insertEvents(
  tx: Queries,
  runId: number,
  happenings: readonly Happening[],
): Promise<void> {
  const whole = happenings.length - (happenings.length % eventsPerStatement);
  for (let start = 0; start < whole; start += eventsPerStatement) {
    const values: Record<string, unknown> = { runId };
    for (let index = 0; index < eventsPerStatement; index++) {
      const { kind, hash, durationMs, sizeBytes, at } = happenings[start + index] as Happening;
      values[`kind${index}`] = kind;
      values[`hash${index}`] = hash;
      values[`durationMs${index}`] = durationMs;
      values[`sizeBytes${index}`] = sizeBytes;
      values[`createdAt${index}`] = at;
    }
    await insertMany(tx).execute(values);
  }
  for (const { kind, hash, durationMs, sizeBytes, at } of happenings.slice(whole)) {
    await insertOne(tx).execute({
      runId,
      kind0: kind,
      hash0: hash,
      durationMs0: durationMs,
      sizeBytes0: sizeBytes,
      createdAt0: at,
    });
  }
}
