import { eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { teams, tokens } from "../database/schema.ts";
import type { Principal } from "./principal.ts";
import { digestSecret, isSecret } from "./secret.ts";
import { defaultTeamSlug } from "./teams.ts";

/** More tokens than this in use at once cost a look-up (7 µs) now and then, not memory. */
const maxRemembered = 10_000;

interface Remembered {
  principal: Principal;
  expiresAt: number | null;
}

/**
 * Tells who holds a secret. What it found it remembers until anybody writes to the database beside us, so a revocation,
 * a new token or a team's new state counts from the next request on.
 */
export class Authenticator {
  private readonly remembered = new Map<string, Remembered>();
  private rememberedAt = -1;
  /** The name of each of the environment's tokens, by digest. */
  private readonly environmentNames: ReadonlyMap<string, string>;

  /** @param environmentSecrets each a write token of the default team, as the incumbent's `TURBO_TOKEN` is. */
  constructor(
    private readonly database: Database,
    environmentSecrets: readonly string[],
  ) {
    this.environmentNames = new Map(
      environmentSecrets.map((secret, index) => [
        digestSecret(secret),
        index === 0 ? "TURBO_TOKEN" : `TURBO_TOKEN ${index + 1}`,
      ]),
    );
  }

  /** Undefined for a secret that is unknown, expired or revoked. */
  async authenticate(secret: string): Promise<Principal | undefined> {
    this.forgetIfStale();
    const digest = digestSecret(secret);
    const known = this.remembered.get(digest) ?? (await this.lookUp(secret, digest));
    if (!known || (known.expiresAt !== null && known.expiresAt <= Date.now())) return undefined;
    return known.principal;
  }

  private forgetIfStale(): void {
    const version = this.database.foreignVersion();
    if (version === this.rememberedAt) return;
    this.remembered.clear();
    this.rememberedAt = version;
  }

  private async lookUp(secret: string, digest: string): Promise<Remembered | undefined> {
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

  private async storedToken(digest: string): Promise<Remembered | undefined> {
    const [row] = await this.database.read
      .select()
      .from(tokens)
      .innerJoin(teams, eq(teams.id, tokens.teamId))
      .where(eq(tokens.secretSha256, digest));
    if (!row || row.tokens.revokedAt !== null) return undefined;
    const { id, name, permission, expiresAt } = row.tokens;
    return { principal: { name, tokenId: id, permission, team: row.teams }, expiresAt };
  }

  private async environmentToken(name: string): Promise<Remembered | undefined> {
    const [team] = await this.database.read.select().from(teams).where(eq(teams.slug, defaultTeamSlug));
    if (!team) return undefined;
    return {
      principal: { name, tokenId: null, permission: "write", team },
      expiresAt: null,
    };
  }
}
