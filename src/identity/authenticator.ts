import { asc, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { members, teams, tokens, users } from "../database/schema.ts";
import { type AskedTeam, isNamed } from "./access.ts";
import { permissionOf } from "./members.ts";
import { type Credential, ownerOfJob, type Principal } from "./principal.ts";
import { digestSecret, isSecret } from "./secret.ts";
import { defaultTeamSlug, type Team } from "./teams.ts";
import { lesser, type Permission } from "./tokens.ts";
import type { User } from "./users.ts";

/**
 * Says that there is no token, where a client wants one to be set: turbo (2.11.11) asks no remote cache without. Never a secret
 * of the environment either, where somebody who only reads may have set it.
 */
export const anonymousToken = "anonymous";

/** More tokens than this in use at once cost a look-up (20 µs, of a user's 30) now and then, not memory. */
const maxRemembered = 10_000;

const openTeams = prepared((queries) => queries.select().from(teams).where(eq(teams.anonymousRead, true)));
const tokenByDigest = prepared((queries) =>
  queries
    .select()
    .from(tokens)
    .leftJoin(teams, eq(teams.id, tokens.teamId))
    .leftJoin(users, eq(users.id, tokens.userId))
    .where(eq(tokens.secretSha256, given("digest"))),
);
const allTeams = prepared((queries) => queries.select().from(teams).orderBy(asc(teams.slug)));
const teamsOfUser = prepared((queries) =>
  queries
    .select()
    .from(members)
    .innerJoin(teams, eq(teams.id, members.teamId))
    .where(eq(members.userId, given("userId")))
    .orderBy(asc(teams.slug)),
);
const teamBySlug = prepared((queries) =>
  queries
    .select()
    .from(teams)
    .where(eq(teams.slug, given("slug"))),
);

/** What somebody may do in a team. */
export interface Grant {
  team: Team;
  permission: Permission;
}

/**
 * Tells who holds a secret. What it found it remembers until anybody changes a team, a user or a token, so a revocation, a new
 * token or a team's new state counts from the next request on.
 */
export class Authenticator {
  private readonly remembered = new Map<string, Credential>();
  private rememberedAt = -1;
  /** Those that let anybody read. */
  private openTeams: Team[] | undefined;
  /** The name of each of the environment's tokens, by digest. */
  private readonly environmentNames: ReadonlyMap<string, string>;

  /** @param environmentSecrets each a write token of the default team, as the incumbent's `TURBO_TOKEN` is. */
  constructor(
    private readonly database: Database,
    environmentSecrets: readonly string[],
  ) {
    this.environmentNames = new Map(
      environmentSecrets
        .filter((secret) => secret !== anonymousToken)
        .map((secret, index) => [
          digestSecret(secret),
          index === 0 ? "TURBO_TOKEN" : `TURBO_TOKEN ${index + 1}`,
        ]),
    );
  }

  /**
   * Who asks without a token, for the team that the request names; undefined unless that team lets anybody read, or where
   * none is named.
   */
  async authenticateAnonymous(asked: AskedTeam): Promise<Principal | undefined> {
    this.forgetIfStale();
    const asOf = this.rememberedAt;
    const open = this.openTeams ?? (await openTeams(this.database.read).execute());
    if (asOf === this.rememberedAt) this.openTeams = open;
    const team = open.find((one) => isNamed(one, asked));
    return (
      team && {
        name: anonymousToken,
        tokenId: null,
        userId: null,
        policyId: null,
        permission: "read",
        team,
        scope: "",
        isAnonymous: true,
      }
    );
  }

  /** Undefined for a secret that is unknown, expired or revoked, or whose user is disabled. */
  async authenticate(secret: string): Promise<Credential | undefined> {
    this.forgetIfStale();
    const digest = digestSecret(secret);
    const known = this.remembered.get(digest) ?? (await this.lookUp(secret, digest));
    if (!known || (known.expiresAt !== null && known.expiresAt <= Date.now())) return undefined;
    return known;
  }

  private forgetIfStale(): void {
    const version = this.database.identityVersion();
    if (version === this.rememberedAt) return;
    this.remembered.clear();
    this.openTeams = undefined;
    this.rememberedAt = version;
  }

  private async lookUp(secret: string, digest: string): Promise<Credential | undefined> {
    const asOf = this.rememberedAt;
    const environmentName = this.environmentNames.get(digest);
    if (environmentName === undefined && !isSecret(secret)) return undefined;
    const found =
      environmentName === undefined
        ? await this.storedToken(digest)
        : await this.environmentToken(environmentName);
    if (found && asOf === this.rememberedAt) {
      if (this.remembered.size >= maxRemembered) this.remembered.clear();
      this.remembered.set(digest, found);
    }
    return found;
  }

  private async storedToken(digest: string): Promise<Credential | undefined> {
    const [row] = await tokenByDigest(this.database.read).execute({ digest });
    if (!row || row.tokens.revokedAt !== null || (row.users && row.users.disabledAt !== null))
      return undefined;
    const { id: tokenId, name, permission, scope, policyId, claims, expiresAt } = row.tokens;
    const owner = policyId === null ? tokenId : ownerOfJob(policyId, claims?.sub);
    const holder = { name, tokenId, userId: row.users?.id ?? null, policyId };
    const grants = row.teams
      ? [{ team: row.teams, permission }]
      : await this.grantsOf(row.users as NonNullable<typeof row.users>);
    const principals = grants.map(
      (grant): Principal => ({
        ...holder,
        scope,
        team: grant.team,
        permission: lesser(permission, grant.permission),
      }),
    );
    const isServerAdmin = row.users?.role === "admin" && permission === "admin" && scope === "";
    return { ...holder, owner, permission, scope, expiresAt, isServerAdmin, principals };
  }

  /** What a user may do, by team, in the order of the slugs. An administrator may do everything in each of them. */
  async grantsOf({ id, role }: Pick<User, "id" | "role">): Promise<Grant[]> {
    if (role === "admin") {
      const all = await allTeams(this.database.read).execute();
      return all.map((team) => ({ team, permission: "admin" as const }));
    }
    const rows = await teamsOfUser(this.database.read).execute({ userId: id });
    return rows.map((row) => ({ team: row.teams, permission: permissionOf(row.members.role) }));
  }

  private async environmentToken(name: string): Promise<Credential | undefined> {
    const [team] = await teamBySlug(this.database.read).execute({ slug: defaultTeamSlug });
    if (!team) return undefined;
    const holder = { name, tokenId: null, userId: null, policyId: null };
    return {
      ...holder,
      owner: name,
      permission: "write",
      scope: "",
      expiresAt: null,
      isServerAdmin: false,
      principals: [{ ...holder, permission: "write", team, scope: "" }],
    };
  }
}
