import { and, asc, desc, eq, gt, inArray, type SQL, sql } from "drizzle-orm";
import { cursorOf, type Page, type PageWish, pageOf, readCursor } from "../database/cursor.ts";
import type { Database } from "../database/database.ts";
import {
  artifacts,
  eventKinds,
  events,
  originKinds,
  policies,
  runs,
  teams,
  tokens,
  users,
} from "../database/schema.ts";
import type { Origin } from "./asker.ts";
import { counterNames, type Totals, totalsOf } from "./counters.ts";

/** What a client did in one session; where it tells of none, what one credential did without a long pause. */
export interface Run extends Totals {
  id: number;
  teamId: string;
  teamSlug: string;
  tool: string;
  /** The client's own id of it. */
  sessionId: string | null;
  origin: Origin & { name: string };
  /** The e-mail address of whose token it was. */
  user: string | null;
  /** What a CI job proved of itself, for as long as its token is known. */
  claims: Record<string, unknown> | null;
  /** Empty for trusted work. */
  scope: string;
  clientCi: string | null;
  startedAt: number;
  lastEventAt: number;
  /** How many there were; of very many not all can be listed. */
  events: number;
}

/** One thing that happened in a run. */
export type RunEvent = (typeof eventKinds)[number] & {
  id: number;
  hash: string;
  durationMs: number;
  sizeBytes: number | null;
  createdAt: number;
  /** What is stored under its hash now, as far as the run's credential could see it. */
  artifactId: number | null;
};

/** Which runs; what is not said does not matter. */
export interface RunFilter {
  teamIds?: readonly string[];
  tool?: string;
  /** An origin's id, or a kind of origins. */
  origin?: string;
  /** When they began, in milliseconds since 1970, included. */
  since?: number;
  /** Excluded. */
  until?: number;
}

const defaultPage: PageWish = { limit: 50 };
/** Some 2 ms; in between others have their turn. */
const runsPerStep = 10_000;

/** Of a run, in the order of the list. */
interface Place {
  startedAt: number;
  id: number;
}

/** What of the list is meant, newest first. */
interface Bounds {
  /** Excluded. */
  from: Place | undefined;
  /** Included. */
  end: Place | undefined;
}

const columns = {
  run: runs,
  teamSlug: teams.slug,
  user: users.email,
  claims: tokens.claims,
  policyName: policies.name,
};

type Row = {
  run: typeof runs.$inferSelect;
  teamSlug: string | null;
  user: string | null;
  claims: Record<string, unknown> | null;
  policyName: string | null;
};

/** Tells what happened, run by run. */
export class Runs {
  constructor(private readonly database: Database) {}

  /** Newest first. @throws Refusal `bad_request` for a cursor that is none of this list. */
  async list(filter: RunFilter, { limit, cursor }: PageWish = defaultPage): Promise<Page<Run>> {
    const bounds = boundsOf(filter, cursor);
    const found: Place[] = [];
    // One by one, since only the runs of one team lie in the index in the order of time.
    for (const teamId of filter.teamIds ?? [undefined])
      found.push(...(await this.find(filter, teamId, bounds, limit + 1)));
    const { items, nextCursor } = pageOf(found.sort(newestFirst), limit, ({ startedAt, id }) =>
      cursorOf(startedAt, id),
    );
    const ids = items.map(({ id }) => id);
    const rows = ids.length === 0 ? [] : await this.select(inArray(runs.id, ids));
    return { items: rows.map(runOf).sort(newestFirst), nextCursor };
  }

  async get(id: number): Promise<Run | undefined> {
    const [row] = await this.select(eq(runs.id, id));
    return row && runOf(row);
  }

  /** Oldest first. @throws Refusal `bad_request` for a cursor that is none of this list. */
  async events(
    { id, teamId, tool, scope }: Run,
    { limit, cursor }: PageWish = defaultPage,
  ): Promise<Page<RunEvent>> {
    const after = cursor === undefined ? undefined : gt(events.id, readCursor(cursor, ["number"])[0]);
    const stored = this.database.read
      .select({ id: artifacts.id })
      .from(artifacts)
      .where(
        and(
          eq(artifacts.teamId, teamId),
          eq(artifacts.tool, tool),
          inArray(artifacts.scope, ["", scope]),
          eq(artifacts.hash, events.hash),
        ),
      )
      .orderBy(desc(artifacts.scope))
      .limit(1);
    const rows = await this.database.read
      .select({
        id: events.id,
        kind: events.kind,
        hash: events.hash,
        durationMs: events.durationMs,
        sizeBytes: events.sizeBytes,
        createdAt: events.createdAt,
        artifactId: sql<number | null>`(${stored})`,
      })
      .from(events)
      .where(and(eq(events.runId, id), after))
      .orderBy(asc(events.id))
      .limit(limit + 1);
    const { items, nextCursor } = pageOf(rows, limit, (row) => cursorOf(row.id));
    return { items: items.map(({ kind, ...event }) => ({ ...kindOf(kind), ...event })), nextCursor };
  }

  /** Reads nothing but an index, and that in steps where the runs that are meant may lie behind a million others. */
  private async find(
    filter: RunFilter,
    teamId: string | undefined,
    { from, end }: Bounds,
    limit: number,
  ): Promise<Place[]> {
    const indexed = inIndex(filter, teamId);
    const among = amongIndexed(filter);
    const found: Place[] = [];
    for (let start = from; ; ) {
      const stepEnd = among && (await this.endOfStep(and(indexed, between({ from: start, end }))));
      const step = between({ from: start, end: stepEnd ?? end });
      found.push(...(await this.places(and(indexed, among, step), limit - found.length)));
      if (found.length === limit || stepEnd === undefined) return found;
      start = stepEnd;
    }
  }

  /** Where to look no further for now, once others had their turn. @returns undefined for the end of all. */
  private async endOfStep(rest: SQL | undefined): Promise<Place | undefined> {
    await new Promise((turned) => setImmediate(turned));
    return (await this.places(rest, 1, runsPerStep))[0];
  }

  private async places(condition: SQL | undefined, limit: number, offset = 0): Promise<Place[]> {
    return await this.database.read
      .select({ id: runs.id, startedAt: runs.startedAt })
      .from(runs)
      .where(condition)
      .orderBy(desc(runs.startedAt), desc(runs.id))
      .limit(limit)
      .offset(offset);
  }

  private async select(condition: SQL): Promise<Row[]> {
    return await this.database.read
      .select(columns)
      .from(runs)
      .leftJoin(teams, eq(teams.id, runs.teamId))
      .leftJoin(users, eq(users.id, runs.userId))
      .leftJoin(tokens, eq(tokens.id, runs.tokenId))
      .leftJoin(policies, and(eq(runs.originKind, "policy"), eq(policies.id, runs.originId)))
      .where(condition);
  }
}

/** What an index begins with: nothing is read in vain. */
function inIndex({ origin }: RunFilter, teamId: string | undefined): SQL | undefined {
  return and(
    teamId === undefined ? undefined : eq(runs.teamId, teamId),
    origin === undefined || kindNamed(origin) ? undefined : eq(runs.originId, origin),
  );
}

/** What is looked for among these. */
function amongIndexed({ tool, origin }: RunFilter): SQL | undefined {
  const kind = kindNamed(origin);
  return and(
    tool === undefined ? undefined : eq(runs.tool, tool),
    kind === undefined ? undefined : eq(runs.originKind, kind),
  );
}

function kindNamed(origin: string | undefined): (typeof originKinds)[number] | undefined {
  return originKinds.find((one) => one === origin);
}

/** One of each, since SQLite begins and ends in an index at no more than one. */
function boundsOf({ since, until }: RunFilter, cursor: string | undefined): Bounds {
  const places = [until === undefined ? [] : startOf(until), cursor === undefined ? [] : readPlace(cursor)];
  return {
    from: places.flat().sort(newestFirst).at(-1),
    end: since === undefined ? undefined : startOf(since),
  };
}

/** Before all runs that began then. */
function startOf(startedAt: number): Place {
  return { startedAt, id: 0 };
}

function readPlace(cursor: string): Place {
  const [startedAt, id] = readCursor(cursor, ["number", "number"]);
  return { startedAt, id };
}

function between({ from, end }: Bounds): SQL | undefined {
  const place = sql`(${runs.startedAt}, ${runs.id})`;
  return and(
    from && sql`${place} < (${from.startedAt}, ${from.id})`,
    end && sql`${place} >= (${end.startedAt}, ${end.id})`,
  );
}

function newestFirst(a: Place, b: Place): number {
  return b.startedAt - a.startedAt || b.id - a.id;
}

function kindOf(kind: number): (typeof eventKinds)[number] {
  return eventKinds[kind] as (typeof eventKinds)[number];
}

function runOf({ run, teamSlug, user, claims, policyName }: Row): Run {
  const { originKind, originId, actorName, userId: _, tokenId: __, ...facts } = run;
  const counters = Object.fromEntries(counterNames.map((name) => [name, run[name]]));
  const totals = totalsOf(counters as Pick<typeof run, (typeof counterNames)[number]>);
  return {
    ...facts,
    ...totals,
    events: eventsOf(totals),
    // A run goes with its team.
    teamSlug: teamSlug as string,
    origin: { kind: originKind, id: originId, name: policyName ?? actorName },
    user,
    claims,
  };
}

/** All that there were, also those that have no row. */
function eventsOf({ remoteHits, remoteMisses, localHits, localMisses, uploads }: Totals): number {
  return remoteHits + remoteMisses + localHits + localMisses + uploads;
}
