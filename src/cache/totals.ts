import { and, count, eq, gt, inArray, isNotNull, isNull, lte, max, sql, sum } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { artifacts, blobs, teams } from "../database/schema.ts";

export interface TeamTotals {
  /** Its slug. */
  team: string;
  teamId: string;
  artifacts: number;
  /** What its artifacts would take if nothing were shared. */
  sizeBytes: number;
  /** The same with each blob counted once. */
  usedBytes: number;
  quotaBytes: number | null;
}

export interface Totals {
  teams: TeamTotals[];
  /** What lies on the storage, each blob once. */
  blobs: number;
  storedBytes: number;
  /** How much more all artifacts would take if nothing were shared, within teams and between them. */
  savedBytes: number;
}

/** How many artifacts a team has, without those that are damaged, and what they would take if nothing were shared. */
export async function teamTotals(
  database: Database,
  teamId: string,
): Promise<{ artifacts: number; sizeBytes: number }> {
  const [row] = await database.read
    .select({ artifacts: count(), sizeBytes: sum(blobs.sizeBytes).mapWith(Number) })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(and(eq(artifacts.teamId, teamId), isNull(blobs.quarantinedAt)));
  return { artifacts: row?.artifacts ?? 0, sizeBytes: row?.sizeBytes ?? 0 };
}

/**
 * How many artifacts teams have, without those that are damaged, of so many as are looked at.
 * @param teamIds undefined for all.
 * @returns with `isAll`, whether those were all.
 */
export async function artifactsAmongFirst(
  { read }: Database,
  teamIds: readonly string[] | undefined,
  maxLookedAt: number,
): Promise<{ artifacts: number; isAll: boolean }> {
  const first = read
    .select({ blobId: artifacts.blobId })
    .from(artifacts)
    .where(teamIds && inArray(artifacts.teamId, [...teamIds]))
    .limit(maxLookedAt)
    .as("first");
  const [row] = await read
    .select({ artifacts: count(sql`case when ${blobs.quarantinedAt} is null then 1 end`), lookedAt: count() })
    .from(first)
    .innerJoin(blobs, eq(blobs.id, first.blobId));
  return { artifacts: row?.artifacts ?? 0, isAll: (row?.lookedAt ?? 0) < maxLookedAt };
}

/** How many artifacts that the token with this id wrote are still kept. */
export async function artifactsWrittenBy({ read }: Database, tokenId: string): Promise<number> {
  const [row] = await read
    .select({ artifacts: count() })
    .from(artifacts)
    .where(eq(artifacts.writtenBy, tokenId));
  return row?.artifacts ?? 0;
}

/** How many artifacts that a token wrote are still kept, by the token's id. The environment's are not among them. */
export async function artifactsByWriter(database: Database): Promise<Map<string, number>> {
  const rows = await database.read
    .select({ writtenBy: artifacts.writtenBy, artifacts: count() })
    .from(artifacts)
    .where(isNotNull(artifacts.writtenBy))
    .groupBy(artifacts.writtenBy);
  return new Map(rows.map((row) => [row.writtenBy as string, row.artifacts]));
}

/** So many artifacts are counted at a time (20 ms); in between others have their turn. */
const artifactsPerStep = 20_000;

/** What changes meanwhile may or may not be counted. */
export async function totals(database: Database): Promise<Totals> {
  const all = await database.read.select().from(teams).orderBy(teams.slug);
  const counted = await countedByTeam(database);
  const ofTeams = all.map(({ id, slug, usedBytes, quotaBytes }) => ({
    team: slug,
    teamId: id,
    usedBytes,
    quotaBytes,
    ...(counted.get(id) ?? { artifacts: 0, sizeBytes: 0 }),
  }));
  const [stored] = await database.read
    .select({ blobs: count(), sizeBytes: sum(blobs.sizeBytes).mapWith(Number) })
    .from(blobs)
    .where(isNull(blobs.quarantinedAt));
  const storedBytes = stored?.sizeBytes ?? 0;
  const logicalBytes = ofTeams.reduce((total, team) => total + team.sizeBytes, 0);
  return {
    teams: ofTeams,
    blobs: stored?.blobs ?? 0,
    storedBytes,
    savedBytes: Math.max(0, logicalBytes - storedBytes),
  };
}

async function countedByTeam(
  database: Database,
): Promise<Map<string, { artifacts: number; sizeBytes: number }>> {
  const counted = new Map<string, { artifacts: number; sizeBytes: number }>();
  const [last] = await database.read.select({ id: max(artifacts.id) }).from(artifacts);
  for (let after = 0; after < (last?.id ?? 0); after += artifactsPerStep) {
    const rows = await database.read
      .select({
        teamId: artifacts.teamId,
        artifacts: count(),
        sizeBytes: sum(blobs.sizeBytes).mapWith(Number),
      })
      .from(artifacts)
      .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
      .where(
        and(
          gt(artifacts.id, after),
          lte(artifacts.id, after + artifactsPerStep),
          isNull(blobs.quarantinedAt),
        ),
      )
      .groupBy(artifacts.teamId);
    for (const { teamId, ...more } of rows) {
      const before = counted.get(teamId) ?? { artifacts: 0, sizeBytes: 0 };
      counted.set(teamId, {
        artifacts: before.artifacts + more.artifacts,
        sizeBytes: before.sizeBytes + more.sizeBytes,
      });
    }
    await new Promise((turned) => setImmediate(turned));
  }
  return counted;
}
