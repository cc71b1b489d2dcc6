import { and, count, eq, gte, inArray, isNull, lt, type SQL, sql } from "drizzle-orm";
import { type Actor, recordAudit, updateAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs } from "../database/schema.ts";
import type { ArtifactKey } from "./artifact.ts";
import { takeOut } from "./books.ts";

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
  /** The blobs that no other artifact points at. */
  freed: { blobs: number; sizeBytes: number };
}

/** A policy may have given out more tokens than one statement takes. */
const writersPerStatement = 1_000;

/**
 * Takes artifacts out, some at a time, and writes down who did so with the first, if there are any.
 * @returns how many they were.
 */
export async function purge(database: Database, filter: PurgeFilter, by: Actor): Promise<number> {
  const record = new PurgeRecord(filter, by);
  let total = 0;
  for (const condition of conditionsOf(filter)) {
    total += await takeOut(database, condition, { onTakenOut: (tx, went) => record.add(tx, went) });
  }
  return total;
}

/** What `purge` would take out, as of now. */
export async function countPurge(database: Database, filter: PurgeFilter): Promise<PurgeTotals> {
  const totals: PurgeTotals = { artifacts: 0, freed: { blobs: 0, sizeBytes: 0 } };
  for (const condition of conditionsOf(filter)) {
    const [found] = await database.read.select({ artifacts: count() }).from(artifacts).where(condition);
    // Where the writer is null the condition is neither true nor false.
    const held = sql`select 1 from ${artifacts} where ${artifacts.blobId} = ${blobs.id}`;
    const [freed] = await database.read
      .select({ blobs: count(), sizeBytes: sql<number | null>`sum(${blobs.sizeBytes})` })
      .from(blobs)
      .where(
        and(
          isNull(blobs.quarantinedAt),
          inArray(blobs.id, database.read.select({ id: artifacts.blobId }).from(artifacts).where(condition)),
          sql`not exists (${held} and (${condition}) is not true)`,
        ),
      );
    totals.artifacts += found?.artifacts ?? 0;
    totals.freed.blobs += freed?.blobs ?? 0;
    totals.freed.sizeBytes += Number(freed?.sizeBytes ?? 0);
  }
  return totals;
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

function conditionsOf(filter: PurgeFilter): (SQL | undefined)[] {
  const { teamId, tool, scope, hash, writtenBy, writtenAfter, writtenBefore, usedBefore } = filter;
  // The types say so, and an empty filter would take out everything of everybody.
  if (teamId === undefined && writtenBy === undefined) throw new Error("A purge needs a team or a writer.");
  return writerConditions(writtenBy).map((writer) =>
    and(
      writer,
      teamId === undefined ? undefined : eq(artifacts.teamId, teamId),
      tool === undefined ? undefined : eq(artifacts.tool, tool),
      scope === undefined ? undefined : eq(artifacts.scope, scope),
      hash === undefined ? undefined : eq(artifacts.hash, hash),
      writtenAfter === undefined ? undefined : gte(artifacts.createdAt, writtenAfter),
      writtenBefore === undefined ? undefined : lt(artifacts.createdAt, writtenBefore),
      usedBefore === undefined ? undefined : lt(artifacts.lastUsedAt, usedBefore),
    ),
  );
}

function writerConditions(writtenBy: Writers | undefined): (SQL | undefined)[] {
  if (writtenBy === undefined) return [undefined];
  if (writtenBy === null) return [isNull(artifacts.writtenBy)];
  const conditions: SQL[] = [];
  for (let start = 0; start < writtenBy.length; start += writersPerStatement)
    conditions.push(inArray(artifacts.writtenBy, writtenBy.slice(start, start + writersPerStatement)));
  return conditions;
}
