import type { Team } from "./teams.ts";
import type { Permission } from "./tokens.ts";

/** Who asks, whatever the proof was. */
export interface Principal {
  /** For logs: the token's name. Never its secret. */
  readonly name: string;
  /** Null for the environment's `TURBO_TOKEN`. */
  readonly tokenId: string | null;
  readonly permission: Permission;
  readonly team: Team;
}
