import { eq, or } from "drizzle-orm";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { overwriteRules, quotaRules, teamStates, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { forgetManyRowsOf } from "./forget-team.ts";
import { checkName } from "./names.ts";
import { randomText } from "./random.ts";
import { writeIdentity } from "./write-identity.ts";

export type Team = typeof teams.$inferSelect;
export type TeamState = Team["state"];
export type OverwriteRule = Team["overwrite"];
export type QuotaRule = Team["quotaRule"];
export { overwriteRules, quotaRules, teamStates };

/** The team that the first start creates, and whose token `TURBO_TOKEN` is. It can be renamed by name, not by slug. */
export const defaultTeamSlug = "default";

/** Lower case as in a URL. An id never fits, so that a slug is never mistaken for one (ids hold an underscore). */
const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export interface NewTeam {
  slug: string;
  /** The slug, if not said. */
  name?: string;
  overwrite?: OverwriteRule;
}

export interface TeamChange {
  slug?: string;
  name?: string;
  state?: TeamState;
  overwrite?: OverwriteRule;
  requireTag?: boolean;
  anonymousRead?: boolean;
  /** Null for no quota. */
  quotaBytes?: number | null;
  quotaRule?: QuotaRule;
  /** Null for the server's own limit. */
  maxAgeMs?: number | null;
}

/** Creates, changes and finds teams. Works beside a running server, which sees every change with its next request. */
export class Teams {
  /** @param by who makes the changes that are made through this. */
  constructor(
    private readonly database: Database,
    private readonly by: Actor,
  ) {}

  list(): Promise<Team[]> {
    return this.database.read.select().from(teams).orderBy(teams.slug).execute();
  }

  /** @throws Refusal `not_found`. */
  async get(slugOrId: string): Promise<Team> {
    const team = await this.find(slugOrId);
    if (!team)
      throw new Refusal("not_found", `There is no team "${slugOrId}". \`larder team list\` shows them all.`);
    return team;
  }

  async find(slugOrId: string): Promise<Team | undefined> {
    const [team] = await this.database.read
      .select()
      .from(teams)
      .where(or(eq(teams.slug, slugOrId), eq(teams.id, slugOrId)));
    return team;
  }

  /** @throws Refusal `bad_request` for a slug or name that cannot be, `conflict` for a slug that is taken. */
  async create(team: NewTeam): Promise<Team> {
    checkSlug(team.slug);
    if (team.name !== undefined) checkName(team.name);
    return await writeIdentity(this.database, async (tx) => {
      await refuseTakenSlug(tx, team.slug);
      const [created] = (await tx.insert(teams).values(newRow(team)).returning()) as [Team];
      await recordAudit(tx, this.by, { kind: "team.create", teamId: created.id, target: created.slug });
      return created;
    });
  }

  /** @throws Refusal `not_found`, `bad_request` for a value that cannot be, `conflict` for a slug that is taken. */
  async set(slugOrId: string, change: TeamChange): Promise<Team> {
    if (change.slug !== undefined) checkSlug(change.slug);
    if (change.name !== undefined) checkName(change.name);
    const team = await this.get(slugOrId);
    if (change.slug !== undefined && change.slug !== team.slug) {
      if (team.slug === defaultTeamSlug)
        throw new Refusal("conflict", `The slug of team "default" cannot change.`);
    }
    return await writeIdentity(this.database, async (tx) => {
      if (change.slug !== undefined && change.slug !== team.slug) await refuseTakenSlug(tx, change.slug);
      if (Object.keys(change).length === 0) return team;
      const [before] = await tx.select().from(teams).where(eq(teams.id, team.id));
      const [changed] = await tx.update(teams).set(change).where(eq(teams.id, team.id)).returning();
      if (!changed || !before) throw noTeam(slugOrId);
      await recordAudit(tx, this.by, {
        kind: "team.set",
        teamId: team.id,
        target: before.slug,
        details: { ...change, before: sameOf(before, change) },
      });
      return changed;
    });
  }

  /**
   * Deletes a team with its tokens and events, those first and some at a time, so that nobody waits for it.
   * @param purge takes the team's artifacts out, in the same transaction.
   * @throws Refusal `not_found`, or `conflict` for the default team.
   */
  async delete(slugOrId: string, purge: (tx: Queries, teamId: string) => Promise<unknown>): Promise<Team> {
    const team = await this.get(slugOrId);
    if (team.slug === defaultTeamSlug) {
      throw new Refusal(
        "conflict",
        `Team "default" cannot be deleted. \`larder team set default --state disabled\` turns it off.`,
      );
    }
    await forgetManyRowsOf(this.database, team.id);
    await writeIdentity(this.database, async (tx) => {
      await purge(tx, team.id);
      const deleted = await tx.delete(teams).where(eq(teams.id, team.id)).returning({ id: teams.id });
      // Of several at once, the first has deleted it.
      if (deleted.length === 0) return;
      await recordAudit(tx, this.by, { kind: "team.delete", teamId: team.id, target: team.slug });
    });
    return team;
  }

  /** Idempotent, also for several processes at once. */
  async ensureDefault(): Promise<Team> {
    const found = await this.find(defaultTeamSlug);
    if (found) return found;
    await writeIdentity(this.database, async (tx) => {
      const [created] = await tx
        .insert(teams)
        .values(newRow({ slug: defaultTeamSlug, name: "Default" }))
        .onConflictDoNothing()
        .returning();
      if (!created) return;
      await recordAudit(tx, this.by, { kind: "team.create", teamId: created.id, target: created.slug });
    });
    return await this.get(defaultTeamSlug);
  }
}

function newRow({ slug, name = slug, overwrite = "allow" }: NewTeam): typeof teams.$inferInsert {
  return { id: `team_${randomText(24)}`, slug, name, overwrite, createdAt: Date.now() };
}

/** What stood where the change is. */
function sameOf(before: Team, change: TeamChange): Record<string, unknown> {
  return Object.fromEntries(Object.keys(change).map((key) => [key, before[key as keyof TeamChange]]));
}

export function noTeam(slugOrId: string): Refusal {
  return new Refusal("not_found", `There is no team "${slugOrId}". \`larder team list\` shows them all.`);
}

/** @throws Refusal `bad_request`. */
export function checkSlug(slug: string): void {
  if (slugPattern.test(slug)) return;
  throw new Refusal(
    "bad_request",
    `"${slug}" cannot be a slug: use 1 to 64 of a-z, 0-9 and -, beginning and ending with a letter or digit.`,
  );
}

async function refuseTakenSlug(tx: Queries, slug: string): Promise<void> {
  const [taken] = await tx.select({ id: teams.id }).from(teams).where(eq(teams.slug, slug));
  if (taken) throw new Refusal("conflict", `There is a team "${slug}" already. Choose another slug.`);
}
