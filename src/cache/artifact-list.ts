import { and, asc, eq, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import { type Page, type PageWish, pageOf } from "../database/cursor.ts";
import type { Database, Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, blobs, teams, tokens } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { ArtifactSpace } from "./artifact.ts";
import {
  type ArtifactOrder,
  beyond,
  cursorAfter,
  cursorAfterEnd,
  directed,
  indexBeyond,
  indexedKeys,
  indexUpTo,
  keysOf,
  type Ordered,
  orderedColumns,
  type Place,
  readPlace,
} from "./artifact-order.ts";

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

/** So many artifacts are put in order for a page (30 ms at most); where there are more, an index has them in order already. */
const maxSorted = 5_000;
/** So many rows of that index are looked at for one page (40 ms at most), whatever the filter leaves of them. */
const maxWalked = 4_000;
/** Below this too many would match. */
export const shortestHashPrefix = 3;
const maxOfPrefix = 1_000;
/** In so many a hash or a scope is looked for, at some 100 µs each. */
const maxSpaces = 2_000;
const spacesPerTurn = 50;

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

/**
 * Tells which artifacts there are, a page at a time. However many there are, one page costs some ten milliseconds: where the
 * filter leaves little of a long list, pages may have fewer items than was asked for, or none, and yet not be the last.
 *
 * The queries leave the planner no choice, which without statistics of the data it makes badly: a cross join begins with its
 * first table, and what is wrapped in an expression is looked for in no index.
 */
export class ArtifactList {
  constructor(
    private readonly database: Database,
    private readonly limits = { sorted: maxSorted, walked: maxWalked, spaces: maxSpaces },
  ) {}

  async find(id: number): Promise<ListedArtifact | undefined> {
    return (await selectListed(this.database.read).where(eq(artifacts.id, id)))[0];
  }

  /** How many other artifacts point at the same bytes. @param teamIds of which teams; undefined for all. */
  async sharing(
    { id, blobId }: Pick<ListedArtifact, "id" | "blobId">,
    teamIds: readonly string[] | undefined,
  ): Promise<number> {
    const [row] = await this.database.read
      .select({ others: sql<number>`count(*)`.mapWith(Number) })
      .from(artifacts)
      .where(
        and(
          eq(artifacts.blobId, blobId),
          sql`${artifacts.id} <> ${id}`,
          teamIds && inArray(artifacts.teamId, [...teamIds]),
        ),
      );
    return row?.others ?? 0;
  }

  /** @throws Refusal `bad_request` for a cursor that is none of this order, or too short a prefix. */
  async page(filter: ArtifactFilter, order: ArtifactOrder, wish: PageWish): Promise<Page<ListedArtifact>> {
    const after = wish.cursor === undefined ? undefined : readPlace(order, wish.cursor);
    const { items, nextCursor } = await this.orderedPage(filter, order, after, wish.limit);
    const ids = items.map(({ id }) => id);
    const rows =
      ids.length === 0 ? [] : await selectListed(this.database.read).where(inArray(artifacts.id, ids));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return { items: ids.flatMap((id) => byId.get(id) ?? []), nextCursor };
  }

  private async orderedPage(
    filter: ArtifactFilter,
    order: ArtifactOrder,
    after: Place | undefined,
    limit: number,
  ): Promise<Page<Ordered>> {
    if (filter.hashPrefix !== undefined) {
      const ids = await this.idsOfPrefix(filter, filter.hashPrefix);
      return await this.sorted(isOneOf(ids), order, after, limit);
    }
    if (filter.scope !== undefined) {
      const ids = await this.idsOfScope(filter);
      if (ids) return await this.sorted(isOneOf(ids), order, after, limit);
    } else if (await this.areFew(filter)) return await this.sorted(conditionOf(filter), order, after, limit);
    return await this.walked(filter, order, after, limit);
  }

  /** Hashes are as good as random, so few begin alike. */
  private async idsOfPrefix(filter: ArtifactFilter, prefix: string): Promise<number[]> {
    if (prefix.length < shortestHashPrefix) {
      throw new Refusal(
        "bad_request",
        `Too many hashes begin with that. Give at least ${shortestHashPrefix} characters of one.`,
      );
    }
    const ids: number[] = [];
    let spaces = 0;
    for await (const space of this.spaces(filter)) {
      if (++spaces > this.limits.spaces) {
        throw new Refusal(
          "bad_request",
          "There are too many scopes to look for a hash in all of them. Name a team, and if need be tool and scope.",
        );
      }
      if (spaces % spacesPerTurn === 0) await Bun.sleep(0);
      if (space.tool !== (filter.tool ?? space.tool) || space.scope !== (filter.scope ?? space.scope))
        continue;
      const found = await idsBetween(this.database.read).execute({
        ...space,
        from: prefix,
        until: prefix + behindAll,
      });
      ids.push(...found.slice(0, maxOfPrefix - ids.length).map(({ id }) => id));
      if (ids.length === maxOfPrefix) break;
    }
    return ids;
  }

  /** Undefined where there are more than can be put in order, or too many places to look for them. */
  private async idsOfScope(filter: ArtifactFilter): Promise<number[] | undefined> {
    const ids: number[] = [];
    let spaces = 0;
    for await (const space of this.spaces(filter)) {
      if (++spaces > this.limits.spaces) return undefined;
      if (spaces % spacesPerTurn === 0) await Bun.sleep(0);
      if (space.tool !== (filter.tool ?? space.tool)) continue;
      const atMost = this.limits.sorted + 1 - ids.length;
      const found = await idsIn(this.database.read).execute({ ...space, atMost });
      ids.push(...found.map(({ id }) => id));
      if (ids.length > this.limits.sorted) return undefined;
    }
    return ids;
  }

  /**
   * Where there is anything, or may be in the scope that is asked for. Their key leads from one to the next, however much lies in
   * each.
   */
  private async *spaces({ teamIds, tool, scope }: ArtifactFilter): AsyncGenerator<ArtifactSpace> {
    if (teamIds !== undefined && tool !== undefined && scope !== undefined) {
      for (const teamId of teamIds) yield { teamId, tool, scope };
      return;
    }
    for (const teamId of teamIds ?? [undefined]) {
      let last: ArtifactSpace = { teamId: teamId ?? "", tool: "", scope: "" };
      for (;;) {
        const [next] = await spaceAfter(this.database.read).execute({ ...last });
        if (!next || (teamId !== undefined && next.teamId !== teamId)) break;
        yield { ...next, scope: scope ?? next.scope };
        // A team may have any number of scopes, and has few tools.
        last = scope === undefined ? next : { ...next, scope: behindAll };
      }
    }
  }

  /** Whether an index shows that the teams have no more than can be put in order. */
  private async areFew({ teamIds }: ArtifactFilter): Promise<boolean> {
    if (teamIds === undefined) return false;
    const some = this.database.read
      .select({ id: artifacts.id })
      .from(artifacts)
      .where(conditionOf({ teamIds }))
      .limit(this.limits.sorted + 1)
      .as("some");
    const [row] = await this.database.read
      .select({ number: sql<number>`count(*)`.mapWith(Number) })
      .from(some);
    return (row?.number ?? 0) <= this.limits.sorted;
  }

  private async sorted(
    condition: SQL | undefined,
    order: ArtifactOrder,
    after: Place | undefined,
    limit: number,
  ): Promise<Page<Ordered>> {
    const keys = keysOf(order).map((key) => sql`${key} + 0`);
    const rows = await this.database.read
      .select(orderedColumns)
      .from(artifacts)
      .crossJoin(blobs)
      .where(and(eq(blobs.id, artifacts.blobId), condition, after && beyond(order, keys, after)))
      .orderBy(...directed(order, keys))
      .limit(limit + 1);
    return pageOf(rows, limit, (row) => cursorAfter(order, row));
  }

  /** Goes along an index for a while, and takes what it finds. */
  private async walked(
    filter: ArtifactFilter,
    order: ArtifactOrder,
    after: Place | undefined,
    limit: number,
  ): Promise<Page<Ordered>> {
    // One team's lie in the order of their use.
    const isOfTeam = order.sort === "used" && filter.teamIds?.length === 1;
    const along = isOfTeam ? conditionOf({ teamIds: filter.teamIds }) : undefined;
    const end = await this.endOfWalk(order, along, after);
    const keys = keysOf(order);
    const condition = and(
      along,
      after && indexBeyond(order, after),
      after && beyond(order, keys, after),
      end && indexUpTo(order, end),
      wrappedConditionOf(filter),
      eq(blobs.id, artifacts.blobId),
    );
    const { read } = this.database;
    const rows = await (order.sort === "size"
      ? read.select(orderedColumns).from(blobs).crossJoin(artifacts)
      : read.select(orderedColumns).from(artifacts).crossJoin(blobs)
    )
      .where(condition)
      .orderBy(...directed(order, keys))
      .limit(limit + 1);
    const page = pageOf(rows, limit, (row) => cursorAfter(order, row));
    if (page.nextCursor !== null || end === undefined) return page;
    return { ...page, nextCursor: cursorAfterEnd(order, end) };
  }

  /** The place in the index that a walk ends with, or undefined where the index ends before. */
  private async endOfWalk(
    order: ArtifactOrder,
    along: SQL | undefined,
    after: Place | undefined,
  ): Promise<Place | undefined> {
    const keys = indexedKeys(order);
    const { read } = this.database;
    const columns = { first: sql<number>`${keys[0]}`, second: sql<number>`${keys[1] ?? keys[0]}` };
    const [row] = await (order.sort === "size"
      ? read.select(columns).from(blobs)
      : read.select(columns).from(artifacts)
    )
      .where(and(along, after && indexBeyond(order, after)))
      .orderBy(...directed(order, keys))
      .limit(1)
      .offset(this.limits.walked);
    return row && (keys.length === 1 ? [row.first] : [row.first, row.second]);
  }
}

const spaceColumns = [artifacts.teamId, artifacts.tool, artifacts.scope] as const;
/** Behind every name and every hash. */
const behindAll = "\u{10ffff}";

const spaceAfter = prepared((queries) =>
  queries
    .select({ teamId: artifacts.teamId, tool: artifacts.tool, scope: artifacts.scope })
    .from(artifacts)
    .where(
      // The whole key: of a part of it SQLite would go through all that have the same part.
      sql`(${sql.join([...spaceColumns, artifacts.hash], sql`, `)}) > (${given("teamId")}, ${given("tool")}, ${given("scope")}, ${behindAll})`,
    )
    .orderBy(...spaceColumns)
    .limit(1),
);

const idsIn = prepared((queries) =>
  queries
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(
      and(
        eq(artifacts.teamId, given("teamId")),
        eq(artifacts.tool, given("tool")),
        eq(artifacts.scope, given("scope")),
      ),
    )
    .limit(sql.placeholder("atMost")),
);

const idsBetween = prepared((queries) =>
  queries
    .select({ id: artifacts.id })
    .from(artifacts)
    .where(
      and(
        eq(artifacts.teamId, given("teamId")),
        eq(artifacts.tool, given("tool")),
        eq(artifacts.scope, given("scope")),
        gte(artifacts.hash, given("from")),
        lt(artifacts.hash, given("until")),
      ),
    )
    .orderBy(asc(artifacts.hash))
    .limit(maxOfPrefix),
);

function isOneOf(ids: readonly number[]): SQL {
  // They may be more than a statement takes values.
  return sql`${artifacts.id} in (select value from json_each(${JSON.stringify(ids)}))`;
}

function conditionOf({ teamIds, tool, scope }: ArtifactFilter): SQL | undefined {
  return and(
    teamIds && inArray(artifacts.teamId, [...teamIds]),
    tool === undefined ? undefined : eq(artifacts.tool, tool),
    scope === undefined ? undefined : eq(artifacts.scope, scope),
  );
}

/** The same, for a query that goes along another index. */
function wrappedConditionOf({ teamIds, tool, scope }: ArtifactFilter): SQL | undefined {
  return and(
    teamIds && inArray(sql`${artifacts.teamId} || ''`, [...teamIds]),
    tool === undefined ? undefined : sql`${artifacts.tool} || '' = ${tool}`,
    scope === undefined ? undefined : sql`${artifacts.scope} || '' = ${scope}`,
  );
}
