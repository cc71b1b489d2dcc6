import { and, asc, desc, eq, gt, gte, inArray, lt, lte, or, type SQL, sql } from "drizzle-orm";
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
    const older = cursor === undefined ? undefined : olderThan(cursor);
    // Asked for one by one, since only the runs of one team lie in the index in the order of time.
    const ofEach = await Promise.all(
      (filter.teamIds ?? [undefined]).map((teamId) =>
        this.find(and(conditionOf(filter, teamId), older), limit + 1),
      ),
    );
    const { items, nextCursor } = pageOf(ofEach.flat().sort(newestFirst), limit, ({ startedAt, id }) =>
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

  /** Reads nothing but an index. */
  private async find(
    condition: SQL | undefined,
    limit: number,
  ): Promise<{ id: number; startedAt: number }[]> {
    return await this.database.read
      .select({ id: runs.id, startedAt: runs.startedAt })
      .from(runs)
      .where(condition)
      .orderBy(desc(runs.startedAt), desc(runs.id))
      .limit(limit);
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

function conditionOf({ tool, origin, since, until }: RunFilter, teamId: string | undefined): SQL | undefined {
  return and(
    teamId === undefined ? undefined : eq(runs.teamId, teamId),
    tool === undefined ? undefined : eq(runs.tool, tool),
    origin === undefined ? undefined : isOrigin(origin),
    since === undefined ? undefined : gte(runs.startedAt, since),
    until === undefined ? undefined : lt(runs.startedAt, until),
  );
}

function isOrigin(origin: string): SQL {
  const kind = originKinds.find((one) => one === origin);
  return kind === undefined ? eq(runs.originId, origin) : eq(runs.originKind, kind);
}

function newestFirst(a: { id: number; startedAt: number }, b: { id: number; startedAt: number }): number {
  return b.startedAt - a.startedAt || b.id - a.id;
}

function olderThan(cursor: string): SQL | undefined {
  const [startedAt, id] = readCursor(cursor, ["number", "number"]);
  // The first half alone is what the index can begin at.
  return and(lte(runs.startedAt, startedAt), or(lt(runs.startedAt, startedAt), lt(runs.id, id)));
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
