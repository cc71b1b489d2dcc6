import { asc, desc, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { cursorOf, readCursor } from "../database/cursor.ts";
import { artifacts, blobs } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";

export const artifactSorts = ["used", "size", "created"] as const;
type ArtifactSort = (typeof artifactSorts)[number];

export interface ArtifactOrder {
  /** `created`: in the order in which their keys came; one that was replaced keeps its place. */
  sort: ArtifactSort;
  isDescending: boolean;
}

/** A place in an order: what stands there has these keys. */
export type Place = readonly number[];

/** An artifact with what the orders go by. */
export interface Ordered {
  id: number;
  lastUsedAt: number;
  blobId: number;
  sizeBytes: number;
}

export const orderedColumns = {
  id: artifacts.id,
  lastUsedAt: artifacts.lastUsedAt,
  blobId: blobs.id,
  sizeBytes: blobs.sizeBytes,
};

const keysOfSort: Record<ArtifactSort, readonly SQLiteColumn[]> = {
  used: [artifacts.lastUsedAt, artifacts.id],
  size: [blobs.sizeBytes, blobs.id, artifacts.id],
  created: [artifacts.id],
};

/** What an order goes by, most important first. The last is what no two artifacts have in common. */
export function keysOf({ sort }: ArtifactOrder): readonly SQLiteColumn[] {
  return keysOfSort[sort];
}

/** Those of the keys that an index has in order: of sizes, the blobs'. */
export function indexedKeys({ sort }: ArtifactOrder): readonly SQLiteColumn[] {
  return sort === "size" ? keysOfSort.size.slice(0, 2) : keysOfSort[sort];
}

export function directed({ isDescending }: ArtifactOrder, keys: readonly (SQL | SQLiteColumn)[]): SQL[] {
  return keys.map((key) => (isDescending ? desc(key) : asc(key)));
}

/** What comes after a place, as row values, which are compared along an index. */
export function beyond(
  { isDescending }: ArtifactOrder,
  keys: readonly (SQL | SQLiteColumn)[],
  place: Place,
  isIncluded = false,
): SQL {
  const sign = sql.raw(`${isDescending ? "<" : ">"}${isIncluded ? "=" : ""}`);
  const values = place.map((value) => sql`${value}`);
  return sql`(${sql.join([...keys], sql`, `)}) ${sign} (${sql.join(values, sql`, `)})`;
}

/** Where in the index it goes on after a place. Of a blob's artifacts some may stand before it and some behind. */
export function indexBeyond(order: ArtifactOrder, place: Place): SQL {
  const keys = indexedKeys(order);
  return beyond(order, keys, place.slice(0, keys.length), order.sort === "size");
}

/** What the index has up to an end, which has its keys only. */
export function indexUpTo(order: ArtifactOrder, end: Place): SQL {
  return beyond({ ...order, isDescending: !order.isDescending }, indexedKeys(order), end, true);
}

/** The cursor of what comes after an artifact. */
export function cursorAfter(order: ArtifactOrder, { id, blobId, sizeBytes, lastUsedAt }: Ordered): string {
  const place = { used: [lastUsedAt, id], size: [sizeBytes, blobId, id], created: [id] }[order.sort];
  return cursorOf(nameOf(order), ...place);
}

/** The cursor of what comes after an end in the index: behind all artifacts of its blob. */
export function cursorAfterEnd(order: ArtifactOrder, end: Place): string {
  const last = order.isDescending ? 0 : Number.MAX_SAFE_INTEGER;
  return cursorOf(nameOf(order), ...end, ...(order.sort === "size" ? [last] : []));
}

/** @throws Refusal `bad_request` for a cursor of another order, or none. */
export function readPlace(order: ArtifactOrder, cursor: string): Place {
  const kinds = ["string", ...keysOf(order).map(() => "number" as const)] as const;
  const [name, ...values] = readCursor(cursor, kinds) as unknown as [string, ...number[]];
  if (name === nameOf(order)) return values;
  throw new Refusal(
    "bad_request",
    "This cursor is of another order. Begin anew without one, or keep sort and order.",
  );
}

function nameOf({ sort, isDescending }: ArtifactOrder): string {
  return `${sort} ${isDescending ? "down" : "up"}`;
}
