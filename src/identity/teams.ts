import { eq, or } from "drizzle-orm";
import type { Database, Queries } from "../database/database.ts";
import { overwriteRules, teamStates, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { checkName } from "./names.ts";
import { randomText } from "./random.ts";

export type Team = typeof teams.$inferSelect;
export type TeamState = Team["state"];
export type OverwriteRule = Team["overwrite"];
export { overwriteRules, teamStates };

/** The team that the first start creates, and whose token `TURBO_TOKEN` is. It can be renamed by name, not by slug. */
export const defaultTeamSlug = "default";

/** Lower case as in a URL. An id never fits, so that a slug is never mistaken for one (ids hold an underscore). */
const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export interface TeamChange {
  slug?: string;
  name?: string;
  state?: TeamState;
  overwrite?: OverwriteRule;
}

/** Creates, changes and finds teams. Works beside a running server, which sees every change with its next request. */
export class Teams {
  constructor(private readonly database: Database) {}

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
  async create(team: { slug: string; name?: string; overwrite?: OverwriteRule }): Promise<Team> {
    checkSlug(team.slug);
    if (team.name !== undefined) checkName(team.name);
    const row: Team = {
      id: `team_${randomText(24)}`,
      slug: team.slug,
      name: team.name ?? team.slug,
      state: "enabled",
      overwrite: team.overwrite ?? "allow",
      createdAt: Date.now(),
    };
    await this.database.write(async (tx) => {
      await refuseTakenSlug(tx, team.slug);
      await tx.insert(teams).values(row);
    });
    return row;
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
    return await this.database.write(async (tx) => {
      if (change.slug !== undefined && change.slug !== team.slug) await refuseTakenSlug(tx, change.slug);
      const [changed] = Object.keys(change).length
        ? await tx.update(teams).set(change).where(eq(teams.id, team.id)).returning()
        : [team];
      return changed ?? team;
    });
  }

  /**
   * Deletes a team with its tokens and events.
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
    await this.database.write(async (tx) => {
      await purge(tx, team.id);
      await tx.delete(teams).where(eq(teams.id, team.id));
    });
    return team;
  }

  /** Idempotent. */
  async ensureDefault(): Promise<Team> {
    return (
      (await this.find(defaultTeamSlug)) ?? (await this.create({ slug: defaultTeamSlug, name: "Default" }))
    );
  }
}

function checkSlug(slug: string): void {
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
