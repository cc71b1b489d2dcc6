import { and, desc, eq, inArray, like, ne, not, notLike, or, type SQL, sql } from "drizzle-orm";
import { cursorOf, type Page, type PageWish, pageOf, readCursor } from "../database/cursor.ts";
import type { Database, Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { audit } from "../database/schema.ts";
import type { AuditKind } from "./audit-kinds.ts";
import { boundedDetails, boundedText } from "./bounded-details.ts";

/** Who does something, whatever the proof was. */
export interface Actor {
  /** `job`: a CI job, as its service vouches for it. `command`: somebody at the server's own shell. `server`: larder itself. */
  kind: "user" | "token" | "job" | "command" | "server" | "anonymous";
  /** Of the user or the token. */
  id: string | null;
  /** For people to read: an e-mail address, the name of a token or of a user of the machine. Never a secret. */
  name: string;
  /** From where, as far as that is known. */
  address: string | null;
}

/** What is written down. */
export interface AuditEntry {
  /** The thing and what was done to it, such as `token.revoke`. */
  kind: AuditKind;
  teamId?: string | null;
  /** What it was done to: an id, a name or a hash. */
  target?: string;
  /** What else matters, such as what changed or what a CI job proved of itself. Never a secret. */
  details?: Record<string, unknown>;
}

/** What was written down. */
export type AuditRow = typeof audit.$inferSelect;

/** What an upload is written down as. These rows are many, and kept for as long as events are. */
export const uploadKind = "artifact.write" satisfies AuditKind;

/** As the index of all other rows has it: with the kind as a parameter SQLite would not see that it serves. */
export const isNoUpload = sql.raw(`"audit"."kind" <> '${uploadKind}'`);

export const serverActor: Actor = { kind: "server", id: null, name: "larder", address: null };

const insertion = prepared((queries) =>
  queries
    .insert(audit)
    .values({
      createdAt: given("createdAt"),
      kind: given("kind"),
      actorKind: given("actorKind"),
      actorId: given("actorId"),
      actorName: given("actorName"),
      address: given("address"),
      teamId: given("teamId"),
      target: given("target"),
      details: given("details"),
    })
    .returning({ id: audit.id }),
);

/**
 * Writes down who did what, in the transaction that does it: neither is there without the other. Long texts are cut,
 * and secrets left out of them.
 * @returns the row's id, for `updateAudit`.
 */
export async function recordAudit(tx: Queries, by: Actor, entry: AuditEntry): Promise<number> {
  const [row] = (await insertion(tx).execute({
    createdAt: Date.now(),
    kind: entry.kind,
    actorKind: by.kind,
    actorId: by.id,
    actorName: boundedText(by.name),
    address: by.address === null ? null : boundedText(by.address, 64),
    teamId: entry.teamId ?? null,
    target: entry.target === undefined ? null : boundedText(entry.target),
    details: entry.details === undefined ? null : JSON.stringify(boundedDetails(entry.details)),
  })) as [{ id: number }];
  return row.id;
}

/** For what is done in several transactions: brings a row of the first up to date in each of the others. */
export async function updateAudit(tx: Queries, id: number, details: Record<string, unknown>): Promise<void> {
  await tx
    .update(audit)
    .set({ details: boundedDetails(details) })
    .where(eq(audit.id, id));
}

/** Which rows; what is not said does not matter. */
export interface AuditFilter {
  /** Milliseconds since 1970, included. */
  since?: number;
  /** Milliseconds since 1970, excluded. */
  until?: number;
  /** Any of these ids, names or kinds of actors. What holds an @ names people only, and no token. */
  actors?: readonly string[];
  /** Ids of more actors, however many. */
  actorIds?: readonly string[];
  /** A whole one such as `token.revoke`, or what stands before its dot, such as `token`. */
  kind?: string;
  /** What is left out, named like `kind`. */
  notKind?: string;
  teamId?: string;
  target?: string;
  /** A name in the details, and the text that it has there. */
  detail?: readonly [name: string, value: string];
}

const defaultPage: PageWish = { limit: 100 };
/** Some 10 ms; in between others have their turn. */
const rowsPerStep = 10_000;

/** Tells who did what. */
export class AuditLog {
  constructor(private readonly database: Database) {}

  /** Newest first. @throws Refusal `bad_request` for a cursor that is none of this list. */
  async list(filter: AuditFilter, { limit, cursor }: PageWish = defaultPage): Promise<Page<AuditRow>> {
    const rows: AuditRow[] = [];
    const { from: newest, end: oldest } = boundsOf(filter, cursor);
    for (let from = newest; ; ) {
      const end = await this.endOfStep(filter, { from, end: oldest });
      const more = await this.database.read
        .select()
        .from(audit)
        .where(and(...conditionsOf(filter), between({ from, end: end ?? oldest })))
        .orderBy(desc(audit.createdAt), desc(audit.id))
        .limit(limit + 1 - rows.length);
      rows.push(...more);
      if (rows.length > limit || end === undefined) break;
      from = end;
      await new Promise((turned) => setImmediate(turned));
    }
    return pageOf(rows, limit, (row) => cursorOf(row.createdAt, row.id));
  }

  /** Rows are looked through some at a time: what is seldom may lie behind half a million others. */
  private async endOfStep(filter: AuditFilter, rest: Bounds): Promise<Place | undefined> {
    const [end] = await this.database.read
      .select({ createdAt: audit.createdAt, id: audit.id })
      .from(audit)
      .where(and(between(rest), leavesOutUploads(filter) ? isNoUpload : undefined))
      .orderBy(desc(audit.createdAt), desc(audit.id))
      .limit(1)
      .offset(rowsPerStep);
    return end;
  }
}

/** Of a row, in the order of the list. */
interface Place {
  createdAt: number;
  id: number;
}

/** What of the list is meant, newest first. */
interface Bounds {
  /** Excluded. */
  from: Place | undefined;
  /** Included. */
  end: Place | undefined;
}

/** One of each, since SQLite begins and ends in an index at no more than one: at another it would begin each step anew. */
function boundsOf({ since, until }: AuditFilter, cursor: string | undefined): Bounds {
  const places = [until === undefined ? [] : startOf(until), cursor === undefined ? [] : readPlace(cursor)];
  return {
    from: places
      .flat()
      .sort((a, b) => b.createdAt - a.createdAt || b.id - a.id)
      .at(-1),
    end: since === undefined ? undefined : startOf(since),
  };
}

/** Before all rows of that time. */
function startOf(createdAt: number): Place {
  return { createdAt, id: 0 };
}

function conditionsOf(filter: AuditFilter): (SQL | undefined)[] {
  const { actors, actorIds, kind, notKind, teamId, target, detail } = filter;
  return [
    or(actors && isCalled([...actors]), actorIds && hasId(actorIds)),
    leavesOutUploads(filter) ? isNoUpload : undefined,
    kind === undefined ? undefined : isOfKind(kind),
    notKind === undefined ? undefined : not(isOfKind(notKind)),
    teamId === undefined ? undefined : eq(audit.teamId, teamId),
    target === undefined ? undefined : eq(audit.target, target),
    detail && sql`${audit.details} ->> ${detail[0]} = ${detail[1]}`,
  ];
}

function isCalled(actors: string[]): SQL | undefined {
  return or(inArray(audit.actorId, actors), isNamed(actors), inArray(sql`${audit.actorKind}`, actors));
}

/** A policy may have given out more tokens than a statement takes values. */
function hasId(actorIds: readonly string[]): SQL {
  return inArray(audit.actorId, sql`(select value from json_each(${JSON.stringify(actorIds)}))`);
}

/** Tokens are called as somebody likes: one that is called like a person's address is not that person. */
function isNamed(names: string[]): SQL | undefined {
  return and(
    inArray(audit.actorName, names),
    or(ne(audit.actorKind, "token"), notLike(audit.actorName, "%@%")),
  );
}

function isOfKind(kind: string): SQL {
  const whole = wholeOf(kind);
  return sql`(${audit.kind} = ${whole} or ${startsWith(`${whole}.`)})`;
}

function leavesOutUploads({ kind, notKind }: AuditFilter): boolean {
  return (kind !== undefined && !takesUploads(kind)) || (notKind !== undefined && takesUploads(notKind));
}

function takesUploads(kind: string): boolean {
  const whole = wholeOf(kind);
  return whole === uploadKind || uploadKind.startsWith(`${whole}.`);
}

function wholeOf(kind: string): string {
  return kind.replace(/\.$/, "");
}

/** `%` and `_` are letters here, since nobody means them otherwise. */
function startsWith(text: string): SQL {
  return sql`${like(audit.kind, `${text.replaceAll(/[\\%_]/g, "\\$&")}%`)} escape '\\'`;
}

function readPlace(cursor: string): Place {
  const [createdAt, id] = readCursor(cursor, ["number", "number"]);
  return { createdAt, id };
}

function between({ from, end }: Bounds): SQL | undefined {
  const place = sql`(${audit.createdAt}, ${audit.id})`;
  return and(
    from && sql`${place} < (${from.createdAt}, ${from.id})`,
    end && sql`${place} >= (${end.createdAt}, ${end.id})`,
  );
}
