import { and, asc, desc, eq, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { cursorOf, type Page, type PageWish, pageOf, readCursor } from "../database/cursor.ts";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs, teams, tokens } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";

/** An artifact with all that is known of it. */
export interface ListedArtifact {
  id: number;
  teamId: string;
  teamSlug: string;
  tool: string;
  /** Empty for a trusted one. */
  scope: string;
  hash: string;
  blobId: number;
  sha256: string;
  sizeBytes: number;
  durationMs: number;
  tag: string | null;
  sha: string | null;
  dirtyHash: string | null;
  clientCi: string | null;
  createdAt: number;
  lastUsedAt: number;
  /** Id of the token that wrote it; null for the environment's. */
  writtenBy: string | null;
  /** Null for a token that is gone. */
  writerName: string | null;
  writerPolicyId: string | null;
  /** Set when its bytes were found missing or wrong: it is a miss then. */
  quarantinedAt: number | null;
}

/** Which artifacts; what is not said does not matter. */
export interface ArtifactFilter {
  teamIds?: readonly string[] | undefined;
  tool?: string | undefined;
  /** Empty for trusted ones. */
  scope?: string | undefined;
  /** With which the hash begins. */
  hashPrefix?: string | undefined;
}

export const artifactSorts = ["used", "size", "created"] as const;
export type ArtifactSort = (typeof artifactSorts)[number];

export interface ArtifactOrder {
  /** `created`: in the order in which their keys came; one that was replaced keeps its place. */
  sort: ArtifactSort;
  isDescending: boolean;
}

/** So many artifacts are put in order for a page (10 ms); where there may be more, an index has them in order already. */
const maxSorted = 10_000;
/** So many rows of that index are looked at for one page, whatever the filter leaves of them. */
const maxWalked = 10_000;
/** Below this too many would match. */
export const shortestHashPrefix = 3;
const maxOfPrefix = 1_000;

const columns = {
  id: artifacts.id,
  teamId: artifacts.teamId,
  teamSlug: teams.slug,
  tool: artifacts.tool,
  scope: artifacts.scope,
  hash: artifacts.hash,
  blobId: artifacts.blobId,
  sha256: blobs.sha256,
  sizeBytes: blobs.sizeBytes,
  durationMs: artifacts.durationMs,
  tag: artifacts.tag,
  sha: artifacts.sha,
  dirtyHash: artifacts.dirtyHash,
  clientCi: artifacts.clientCi,
  createdAt: artifacts.createdAt,
  lastUsedAt: artifacts.lastUsedAt,
  writtenBy: artifacts.writtenBy,
  writerName: tokens.name,
  writerPolicyId: tokens.policyId,
  quarantinedAt: blobs.quarantinedAt,
};

function selectListed(queries: Queries) {
  return queries
    .select(columns)
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .innerJoin(teams, eq(teams.id, artifacts.teamId))
    .leftJoin(tokens, eq(tokens.id, artifacts.writtenBy));
}

/** What an order goes by, most important first. Each ends with what no two artifacts have in common. */
const keysOf: Record<ArtifactSort, SQLiteColumn[]> = {
  used: [artifacts.lastUsedAt, artifacts.id],
  size: [blobs.sizeBytes, blobs.id, artifacts.id],
  created: [artifacts.id],
};

/**
 * Tells which artifacts there are, a page at a time. However many there are, one page costs some ten milliseconds: where the
 * filter leaves little of a long list, pages may have fewer items than was asked for, or none, and yet not be the last.
 */
export class ArtifactList {
  constructor(private readonly database: Database) {}

  async find(id: number): Promise<ListedArtifact | undefined> {
    return (await selectListed(this.database.read).where(eq(artifacts.id, id)))[0];
  }

  /** How many other artifacts point at the same bytes. */
  async sharing({ id, blobId }: Pick<ListedArtifact, "id" | "blobId">): Promise<number> {
    const [row] = await this.database.read
      .select({ others: sql<number>`count(*)`.mapWith(Number) })
      .from(artifacts)
      .where(and(eq(artifacts.blobId, blobId), sql`${artifacts.id} <> ${id}`));
    return row?.others ?? 0;
  }

  /** @throws Refusal `bad_request` for a cursor that is none of this order, or too short a prefix. */
  async page(filter: ArtifactFilter, order: ArtifactOrder, wish: PageWish): Promise<Page<ListedArtifact>> {
    const after = wish.cursor === undefined ? undefined : new Place(order, wish.cursor);
    if (filter.hashPrefix !== undefined)
      return await this.ofPrefix(filter, filter.hashPrefix, order, after, wish);
    if (isIndexed(filter, order) || (await this.areFew(filter)))
      return await this.sorted(conditionOf(filter), order, after, wish);
    return await this.walked(filter, order, after, wish);
  }

  private async sorted(
    condition: SQL | undefined,
    order: ArtifactOrder,
    after: Place | undefined,
    { limit }: PageWish,
  ): Promise<Page<ListedArtifact>> {
    const rows = await selectListed(this.database.read)
      .where(and(condition, after?.condition()))
      .orderBy(...orderOf(order))
      .limit(limit + 1);
    return pageOf(rows, limit, (row) => placeOf(order, row));
  }

  /** Hashes are as good as random, so few begin alike. */
  private async ofPrefix(
    filter: ArtifactFilter,
    prefix: string,
    order: ArtifactOrder,
    after: Place | undefined,
    wish: PageWish,
  ): Promise<Page<ListedArtifact>> {
    if (prefix.length < shortestHashPrefix) {
      throw new Refusal(
        "bad_request",
        `Too many hashes begin with that. Give at least ${shortestHashPrefix} characters of one.`,
      );
    }
    const matching = await this.database.read
      .select({ id: artifacts.id })
      .from(artifacts)
      .where(and(gte(artifacts.hash, prefix), lt(artifacts.hash, `${prefix}\u{10ffff}`), conditionOf(filter)))
      .orderBy(asc(artifacts.hash))
      .limit(maxOfPrefix);
    const ids = matching.map(({ id }) => id);
    return await this.sorted(inArray(artifacts.id, ids), order, after, wish);
  }

  private async areFew(filter: ArtifactFilter): Promise<boolean> {
    const { teamIds, tool, scope } = filter;
    // Neither says anything without a team that an index could find it by.
    if (teamIds === undefined) return false;
    const narrowest = tool !== undefined && scope !== undefined ? filter : { teamIds };
    const some = this.database.read
      .select({ id: artifacts.id })
      .from(artifacts)
      .where(conditionOf(narrowest))
      .limit(maxSorted + 1)
      .as("some");
    const [row] = await this.database.read
      .select({ number: sql<number>`count(*)`.mapWith(Number) })
      .from(some);
    return (row?.number ?? 0) <= maxSorted;
  }

  /** Goes along an index for a while, and takes what it finds. */
  private async walked(
    filter: ArtifactFilter,
    order: ArtifactOrder,
    after: Place | undefined,
    wish: PageWish,
  ): Promise<Page<ListedArtifact>> {
    const end = await this.endOfWalk(order, after);
    const within = end && before(order, end);
    const page = await this.sorted(and(conditionOf(filter), within), order, after, wish);
    if (page.nextCursor !== null || end === undefined) return page;
    return { ...page, nextCursor: cursorOf(nameOf(order), ...end) };
  }

  /** The place that a walk ends with, or undefined where the list ends before. */
  private async endOfWalk(order: ArtifactOrder, after: Place | undefined): Promise<number[] | undefined> {
    const { read } = this.database;
    const direction = order.isDescending ? desc : asc;
    if (order.sort === "size") {
      const [row] = await read
        .select({ sizeBytes: blobs.sizeBytes, id: blobs.id })
        .from(blobs)
        .where(after?.condition(2))
        .orderBy(direction(blobs.sizeBytes), direction(blobs.id))
        .limit(1)
        .offset(maxWalked);
      // Below all artifacts that such a blob may have, or above.
      return row && [row.sizeBytes, row.id, order.isDescending ? Number.MAX_SAFE_INTEGER : 0];
    }
    const [row] = await read
      .select({ lastUsedAt: artifacts.lastUsedAt, id: artifacts.id })
      .from(artifacts)
      .where(after?.condition())
      .orderBy(...orderOf(order))
      .limit(1)
      .offset(maxWalked);
    if (!row) return undefined;
    return order.sort === "used" ? [row.lastUsedAt, row.id] : [row.id];
  }
}

/** A place in an order, as a cursor names it. */
class Place {
  private readonly values: readonly number[];

  constructor(
    private readonly order: ArtifactOrder,
    cursor: string,
  ) {
    const kinds = ["string", ...keysOf[order.sort].map(() => "number" as const)] as const;
    const [name, ...values] = readCursor(cursor, kinds) as unknown as [string, ...number[]];
    if (name !== nameOf(order)) {
      throw new Refusal(
        "bad_request",
        "This cursor is of another order. Begin anew without one, or keep sort and order.",
      );
    }
    this.values = values;
  }

  /** What comes after it. @param keys how many of the keys count; of what is equal in these, all does then. */
  condition(keys = this.values.length): SQL | undefined {
    return beyond(this.order, this.values.slice(0, keys), keys < this.values.length);
  }
}

/** Row values, which SQLite and PostgreSQL compare along an index. */
function beyond({ sort, isDescending }: ArtifactOrder, values: readonly number[], isIncluded = false): SQL {
  const sign = sql.raw(`${isDescending ? "<" : ">"}${isIncluded ? "=" : ""}`);
  const keys = keysOf[sort].slice(0, values.length);
  return sql`(${sql.join(keys, sql`, `)}) ${sign} (${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )})`;
}

/** What comes up to the place, which itself belongs to it. */
function before({ sort, isDescending }: ArtifactOrder, values: readonly number[]): SQL {
  return beyond({ sort, isDescending: !isDescending }, values, true);
}

function placeOf(order: ArtifactOrder, { id, blobId, sizeBytes, lastUsedAt }: ListedArtifact): string {
  const values = { used: [lastUsedAt, id], size: [sizeBytes, blobId, id], created: [id] }[order.sort];
  return cursorOf(nameOf(order), ...values);
}

function nameOf({ sort, isDescending }: ArtifactOrder): string {
  return `${sort} ${isDescending ? "down" : "up"}`;
}

function orderOf({ sort, isDescending }: ArtifactOrder): SQL[] {
  return keysOf[sort].map((key) => (isDescending ? desc(key) : asc(key)));
}

/** Whether an index has exactly these artifacts in this order. */
function isIndexed({ teamIds, tool, scope }: ArtifactFilter, { sort }: ArtifactOrder): boolean {
  if (tool !== undefined || scope !== undefined) return false;
  return teamIds === undefined || (teamIds.length === 1 && sort === "used");
}

function conditionOf({ teamIds, tool, scope }: ArtifactFilter): SQL | undefined {
  return and(
    teamIds && inArray(artifacts.teamId, [...teamIds]),
    tool === undefined ? undefined : eq(artifacts.tool, tool),
    scope === undefined ? undefined : eq(artifacts.scope, scope),
  );
}
