import { Refusal } from "../refusal.ts";

/** One page of a long list. */
export interface Page<Item> {
  items: Item[];
  /** Where the next page begins; null on the last. */
  nextCursor: string | null;
}

export interface PageWish {
  /** At most so many items. */
  limit: number;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

export type CursorPart = string | number;

const maxCursorLength = 2_000;

/** The place of a row in an order, in one word for URLs. */
export function cursorOf(...parts: readonly CursorPart[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/**
 * The parts of a cursor that `cursorOf` made.
 * @param kinds what each part has to be.
 * @throws Refusal `bad_request` for anything else.
 */
export function readCursor<const Kinds extends readonly ("number" | "string")[]>(
  cursor: string,
  kinds: Kinds,
): { [Index in keyof Kinds]: Kinds[Index] extends "number" ? number : string } {
  const parts = partsOf(cursor);
  const fits =
    parts?.length === kinds.length &&
    parts.every(
      (part, index) =>
        kinds[index] === typeof part && (typeof part === "string" || Number.isSafeInteger(part)),
    );
  if (fits) return parts as never;
  throw new Refusal(
    "bad_request",
    "This cursor is none of this list. Take the nextCursor of the page before, with the same filters.",
  );
}

/** @param rows one more than the page may have, if there are so many. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOfRow: (row: Row) => string,
): Page<Row> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit), nextCursor: last === undefined ? null : cursorOfRow(last) };
}

function partsOf(cursor: string): unknown[] | undefined {
  if (cursor.length > maxCursorLength) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}
