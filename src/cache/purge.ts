import {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  gte,
  inArray,
  isNull,
  lt,
  lte,
  max,
  min,
  type SQL,
  sql,
} from "drizzle-orm";
import { type Actor, recordAudit, updateAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";
import type { ArtifactKey } from "./artifact.ts";
import { takeOut, takeOutThese } from "./books.ts";

/** Which artifacts; what is not said does not matter. All teams' are meant only where their writers are named. */
export type PurgeFilter = Partial<ArtifactKey> & PurgeFacts & ({ teamId: string } | { writtenBy: Writers });

interface PurgeFacts {
  writtenBy?: Writers;
  /** Milliseconds since 1970, included. */
  writtenAfter?: number;
  /** Milliseconds since 1970, excluded. */
  writtenBefore?: number;
  /** Milliseconds since 1970. */
  usedBefore?: number;
}

/** Ids of the tokens that wrote them, or null for the environment's. */
export type Writers = readonly string[] | null;

/** What a purge would take out. */
export interface PurgeTotals {
  artifacts: number;
  /** The blobs that no other artifact, or no other of the same team, points at. */
  freed: { blobs: number; sizeBytes: number };
}

/** So many artifacts, or blobs with all that hold them, are looked at in one go (some 10 ms); in between others have their turn. */
const rowsPerStep = 5_000;

/**
 * Takes artifacts out, some at a time, and writes down who did so with the first, if there are any. What is uploaded meanwhile
 * may or may not go.
 * @returns how many they were.
 */
export async function purge(database: Database, filter: PurgeFilter, by: Actor): Promise<number> {
  const record = new PurgeRecord(filter, by);
  const condition = conditionOf(filter);
  const onTakenOut = (tx: Queries, went: number) => record.add(tx, went);
  if (isWholeKey(filter)) return await takeOut(database, condition, { onTakenOut });
  let gone = 0;
  for await (const range of artifactSteps(database)) {
    const found = await database.read
      .select({ id: artifacts.id })
      .from(artifacts)
      .where(inRange(range, condition))
      .orderBy(asc(artifacts.id));
    const ids = found.map(({ id }) => id);
    gone += await takeOutThese(database, ids, condition, { onTakenOut });
  }
  return gone;
}

/** Of which an index knows the only artifact that there can be. */
function isWholeKey({ teamId, tool, scope, hash }: PurgeFilter): boolean {
  return [teamId, tool, scope, hash].every((part) => part !== undefined);
}

/**
 * What `purge` would take out. What changes meanwhile may or may not be counted.
 * @param usedBy the team whose use it is about: whether others have the same bytes is not told then.
 */
export async function countPurge(
  database: Database,
  filter: PurgeFilter,
  usedBy?: string,
): Promise<PurgeTotals> {
  const condition = conditionOf(filter);
  const totals: PurgeTotals = { artifacts: 0, freed: { blobs: 0, sizeBytes: 0 } };
  let firstBlob = Number.POSITIVE_INFINITY;
  let lastBlob = 0;
  for await (const range of artifactSteps(database)) {
    const [found] = await database.read
      .select({ artifacts: count(), firstBlob: min(artifacts.blobId), lastBlob: max(artifacts.blobId) })
      .from(artifacts)
      .where(inRange(range, condition));
    totals.artifacts += found?.artifacts ?? 0;
    firstBlob = Math.min(firstBlob, found?.firstBlob ?? firstBlob);
    lastBlob = Math.max(lastBlob, found?.lastBlob ?? lastBlob);
  }
  const ofTeam = usedBy === undefined ? sql`` : sql` and ${artifacts.teamId} = ${usedBy}`;
  const held = sql`select 1 from ${artifacts} where ${artifacts.blobId} = ${blobs.id}${ofTeam}`;
  for await (const [after, last] of steps(firstBlob, lastBlob)) {
    const [freed] = await database.read
      .select({ blobs: count(), sizeBytes: sql<number | null>`sum(${blobs.sizeBytes})` })
      .from(blobs)
      .where(
        and(
          gt(blobs.id, after),
          lte(blobs.id, last),
          isNull(blobs.quarantinedAt),
          sql`exists (${held})`,
          // Where the writer is null the condition is neither true nor false.
          sql`not exists (${held} and (${condition}) is not true)`,
        ),
      );
    totals.freed.blobs += freed?.blobs ?? 0;
    totals.freed.sizeBytes += Number(freed?.sizeBytes ?? 0);
  }
  return totals;
}

/** Those of the artifacts that there are. */
async function* artifactSteps(database: Database): AsyncIterable<Range> {
  const ends = await Promise.all(
    [asc(artifacts.id), desc(artifacts.id)].map((order) =>
      database.read.select({ id: artifacts.id }).from(artifacts).orderBy(order).limit(1),
    ),
  );
  const [first, last] = ends.map(([artifact]) => artifact?.id ?? 0);
  yield* steps(first ?? 0, last ?? 0);
}

function inRange([after, last]: Range, condition: SQL | undefined): SQL | undefined {
  // An index of what the condition asks for would have to be gone through anew for each step.
  return and(gt(artifacts.id, after), lte(artifacts.id, last), sql`+(${condition})`);
}

type Range = [after: number, last: number];

/** Ranges of ids, each without its first and with its last, and a turn of the event loop after each. */
async function* steps(first: number, last: number): AsyncIterable<Range> {
  for (let after = first - 1; after < last; after += rowsPerStep) {
    yield [after, Math.min(last, after + rowsPerStep)];
    await new Promise((turned) => setImmediate(turned));
  }
}

/** One row for a purge of many transactions: it tells at any time how many have gone. */
class PurgeRecord {
  private id: number | undefined;
  private artifacts = 0;

  constructor(
    private readonly filter: PurgeFilter,
    private readonly by: Actor,
  ) {}

  async add(tx: Queries, artifacts: number): Promise<void> {
    this.artifacts += artifacts;
    const { teamId, ...filter } = this.filter;
    const details = { artifacts: this.artifacts, ...filter };
    if (this.id !== undefined) return await updateAudit(tx, this.id, details);
    this.id = await recordAudit(tx, this.by, {
      kind: "artifact.purge",
      ...(teamId !== undefined && { teamId }),
      ...(filter.hash !== undefined && { target: filter.hash }),
      details,
    });
  }
}

function conditionOf(filter: PurgeFilter): SQL | undefined {
  const { teamId, tool, scope, hash, writtenBy, writtenAfter, writtenBefore, usedBefore } = filter;
  // The types say so, and an empty filter would take out everything of everybody.
  if (teamId === undefined && writtenBy === undefined) throw new Error("A purge needs a team or a writer.");
  return and(
    writerCondition(writtenBy),
    teamId === undefined ? undefined : eq(artifacts.teamId, teamId),
    tool === undefined ? undefined : eq(artifacts.tool, tool),
    scope === undefined ? undefined : eq(artifacts.scope, scope),
    hash === undefined ? undefined : eq(artifacts.hash, hash),
    writtenAfter === undefined ? undefined : gte(artifacts.createdAt, writtenAfter),
    writtenBefore === undefined ? undefined : lt(artifacts.createdAt, writtenBefore),
    usedBefore === undefined ? undefined : lt(artifacts.lastUsedAt, usedBefore),
  );
}

function writerCondition(writtenBy: Writers | undefined): SQL | undefined {
  if (writtenBy === undefined) return undefined;
  if (writtenBy === null) return isNull(artifacts.writtenBy);
  // A policy may have given out more tokens than a statement takes values.
  return inArray(artifacts.writtenBy, sql`(select value from json_each(${JSON.stringify(writtenBy)}))`);
}
