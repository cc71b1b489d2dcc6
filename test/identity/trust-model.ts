import type { MemberRole } from "../../src/identity/members.ts";
import type { Permission } from "../../src/identity/tokens.ts";

/** Who holds a secret, or none. Teams and users are numbers here. */
export interface Holder {
  /** The team whose own token it is, or that a CI job got it for. */
  team?: number;
  /** The user whose token it is. */
  user?: number;
  /** The most that it may do. */
  permission: Permission;
  /** Empty for a trusted one. */
  scope: string;
  secret: string | undefined;
  tokenId: string;
  /** Under which a CI job got it. */
  policyId?: string;
  isRevoked: boolean;
}

export interface Rules {
  overwrite: "allow" | "never";
  requireTag: boolean;
  anonymousRead: boolean;
}

export interface Stored {
  body: string;
  tag: string | null;
  writtenBy: string;
}

/** Where an artifact stands. */
export interface Place {
  team: number;
  scope: string;
  hash: string;
}

/** What each of the requests has to say, or the status that it is refused with. */
export type Asked = { team: number; permission: Permission } | { status: number };

const ranks: Permission[] = ["read", "write", "admin"];
const permissionOfRole = { viewer: "read", member: "write", owner: "admin" } as const;

/** What the rules of teams, users and scopes allow, in as few words as there may be. */
export class Model {
  private readonly stored = new Map<string, Place & { artifact: Stored }>();
  readonly rules: Rules[] = [0, 1].map(() => ({
    overwrite: "allow",
    requireTag: false,
    anonymousRead: false,
  }));
  /** By user, then by team. */
  readonly users = [0, 1].map(() => ({
    isDisabled: false,
    roles: [null, null] as (MemberRole | null)[],
  }));

  /** What a token may do, by team; undefined if it does not count. */
  private grants({ team, user, permission, isRevoked }: Holder): Map<number, Permission> | undefined {
    if (isRevoked || (team === undefined && user === undefined)) return undefined;
    if (team !== undefined) return new Map([[team, permission]]);
    const { isDisabled, roles } = this.users[user as number] as (typeof this.users)[number];
    if (isDisabled) return undefined;
    return new Map(
      roles.flatMap((role, team) => (role ? [[team, lesser(permission, permissionOfRole[role])]] : [])),
    );
  }

  /** For which team somebody asks who names this one or none. */
  ask(by: Holder, named: number | undefined): Asked {
    const grants = this.grants(by);
    if (!grants) {
      const isOpen = by.tokenId === "" && named !== undefined && this.rules[named]?.anonymousRead;
      return isOpen ? { team: named, permission: "read" } : { status: 401 };
    }
    const team = named ?? (grants.size === 1 ? [...grants.keys()][0] : undefined);
    if (team === undefined) return { status: grants.size === 0 ? 403 : 400 };
    const permission = grants.get(team);
    return permission ? { team, permission } : { status: 403 };
  }

  /** What a client finds: what stands in its own scope, and else what is trusted. */
  find(team: number, scope: string, hash: string): Stored | undefined {
    return this.at({ team, scope, hash }) ?? this.at({ team, scope: "", hash });
  }

  at(place: Place): Stored | undefined {
    return this.stored.get(keyOf(place))?.artifact;
  }

  /** @returns the status. */
  put(asked: Asked, scope: string, hash: string, artifact: Stored): number {
    if ("status" in asked) return asked.status;
    if (asked.permission === "read") return 403;
    const { overwrite, requireTag } = this.rules[asked.team] as Rules;
    if (requireTag && artifact.tag === null) return 403;
    const place = { team: asked.team, scope, hash };
    const before = this.at(place);
    if (before && overwrite === "never") {
      if (before.body !== artifact.body) return 409;
      if (artifact.tag === null || artifact.tag === before.tag) return 202;
      if (before.tag !== null) return 409;
      this.stored.set(keyOf(place), { ...place, artifact: { ...before, tag: artifact.tag } });
      return 202;
    }
    this.stored.set(keyOf(place), { ...place, artifact });
    return 202;
  }

  /** What the API answers to somebody who asks for the bytes in this very place. */
  download(by: Holder, place: Place): number {
    const grants = this.grants(by);
    if (!grants) return 401;
    if (by.scope !== "") return 403;
    return grants.has(place.team) && this.at(place) ? 200 : 404;
  }

  /** @returns how many have gone. */
  remove(goes: (place: Place, artifact: Stored) => boolean): number {
    const gone = [...this.stored.values()].filter(({ artifact, ...place }) => goes(place, artifact));
    for (const place of gone) this.stored.delete(keyOf(place));
    return gone.length;
  }
}

function keyOf({ team, scope, hash }: Place): string {
  return `${team} ${scope} ${hash}`;
}

function lesser(a: Permission, b: Permission): Permission {
  return ranks[Math.min(ranks.indexOf(a), ranks.indexOf(b))] as Permission;
}
