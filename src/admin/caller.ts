import type { Actor } from "../audit/audit-log.ts";
import type { Grant } from "../identity/authenticator.ts";
import type { IdentityServices } from "../identity/services.ts";
import type { Team } from "../identity/teams.ts";
import { allows, type Permission } from "../identity/tokens.ts";
import { Refusal } from "../refusal.ts";
import type { View } from "./overview.ts";

/** What a route may need of whoever asks in a team: to see it, or to look after it as an owner does. */
export type TeamRight = "read" | "admin";

export interface CallerFacts {
  /** In a browser, or with a token, which may be a user's, too. */
  kind: "user" | "token";
  user: { id: string; email: string; name: string } | null;
  /** `id` is null for the environment's `TURBO_TOKEN`. */
  token: { id: string | null; name: string } | null;
  isServerAdmin: boolean;
  /** The most that it may do anywhere. */
  permission: Permission;
  /** When its token ends; null for one without an end, and in a browser. */
  expiresAt: number | null;
  /** Of a browser's session only: what its scripts have to send back. */
  csrfToken: string | null;
  /** By slug. */
  grants: readonly Grant[];
  by: Actor;
  /** What changes, changes in this caller's name. */
  services: IdentityServices;
}

/** Who asks the admin API, and what they may do there. */
export class Caller {
  constructor(readonly facts: CallerFacts) {}

  get by(): Actor {
    return this.facts.by;
  }

  get services(): IdentityServices {
    return this.facts.services;
  }

  /** Under whom is counted what a caller has open at the same time. */
  get owner(): string {
    return this.facts.user?.id ?? this.facts.token?.id ?? "environment";
  }

  /**
   * Whose turn it is where these teams' figures or runs are looked for, which may take long: a team's, whatever its tokens, or the
   * caller's own where there are several teams or all.
   */
  turnOf(teamIds: readonly string[] | undefined): string {
    const [teamId, another] = teamIds ?? [];
    return this.isServerAdmin || teamId === undefined || another !== undefined ? this.owner : teamId;
  }

  get isServerAdmin(): boolean {
    return this.facts.isServerAdmin;
  }

  /**
   * When a token ends that this caller makes, who wishes it to end then: no later than the caller's own, or one that has leaked
   * would live for ever in others.
   * @param wishedAt null for no end.
   */
  lastEnd(wishedAt: number | null): number | null {
    const { expiresAt } = this.facts;
    return expiresAt === null || (wishedAt !== null && wishedAt < expiresAt) ? wishedAt : expiresAt;
  }

  /** @throws Refusal `forbidden`. */
  requireServerAdmin(): void {
    if (this.isServerAdmin) return;
    throw new Refusal(
      "forbidden",
      this.facts.kind === "user"
        ? "This needs an administrator of the server. Ask one of them."
        : "This needs a token of an administrator of the server, with permission admin.",
    );
  }

  /**
   * The team of this slug or id, in which the caller may do what is needed.
   * @throws Refusal `wrong_team`, the same whether the team exists or not, or `forbidden`.
   */
  team(slugOrId: string, needed: TeamRight): Team {
    const grant = this.facts.grants.find(({ team }) => team.slug === slugOrId || team.id === slugOrId);
    if (!grant) {
      // To whoever may see all teams one that is not there is no secret.
      if (this.isServerAdmin) throw new Refusal("not_found", `There is no team "${slugOrId}".`);
      throw new Refusal(
        "wrong_team",
        `You may not see a team "${slugOrId}", or there is none. GET /api/v1/me lists the teams that you may see.`,
      );
    }
    if (needed === "admin") this.requireAdmin(grant);
    return grant.team;
  }

  /** Whether the caller may do what is needed in a team with this id. */
  may(teamId: string | null, needed: TeamRight): boolean {
    const grant = this.facts.grants.find(({ team }) => team.id === teamId);
    return grant !== undefined && (needed === "read" || allows(grant.permission, "admin"));
  }

  /**
   * Whether the caller may know the addresses of those who are in a team that he sees: people may, and a token of the team's own
   * only if it looks after the team, since such a token lies about in CI.
   */
  knowsPeopleOf(teamId: string): boolean {
    return this.facts.user !== null || this.may(teamId, "admin");
  }

  /**
   * The ids of the teams that a list is about: the one that is asked for, or all that the caller may see.
   * @returns undefined for all that there are.
   * @throws Refusal as `team`.
   */
  teamIds(slugOrId: string | undefined, needed: TeamRight = "read"): string[] | undefined {
    if (slugOrId !== undefined) return [this.team(slugOrId, needed).id];
    if (this.isServerAdmin) return undefined;
    return this.facts.grants.map(({ team }) => team.id).filter((id) => this.may(id, needed));
  }

  /**
   * What the caller may see of an overview, of the team that is asked for or of all.
   * @throws Refusal as `team`.
   */
  view(slugOrId: string | undefined): View {
    return {
      isServerAdmin: this.isServerAdmin,
      teams: this.facts.grants.map(({ team }) => team),
      team: slugOrId === undefined ? undefined : this.team(slugOrId, "read"),
    };
  }

  private requireAdmin({ team, permission }: Grant): void {
    if (allows(permission, "admin")) return;
    throw new Refusal(
      "forbidden",
      this.facts.kind === "user"
        ? `This needs an owner of team "${team.slug}". Ask one of them, or an administrator of the server.`
        : `This token may ${permission} in team "${team.slug}", and this needs admin.`,
    );
  }
}
