import type { originKinds } from "../database/schema.ts";

/** Whose a use is, as it is counted. */
export interface Origin {
  kind: (typeof originKinds)[number];
  /** Of the token or the policy; the variable's name for the environment's tokens; empty for anybody. */
  id: string;
}

/** Who uses the cache, with which credential, for which team and by which tool. */
export interface Asker {
  readonly teamId: string;
  /** The client's protocol, such as `turbo`. */
  readonly tool: string;
  readonly origin: Origin;
  /** Null for the environment's and for anybody. */
  readonly tokenId: string | null;
  /** For people to read: the token's. Never a secret. */
  readonly name: string;
  /** Whose token it is; null for one of the team's own. */
  readonly userId: string | null;
  /** Empty for trusted work. */
  readonly scope: string;
}
