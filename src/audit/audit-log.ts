import type { Queries } from "../database/database.ts";
import { audit } from "../database/schema.ts";

/** Who does something, whatever the proof was. */
export interface Actor {
  /** `command`: somebody at the server's own shell. `server`: larder itself. */
  kind: "user" | "token" | "command" | "server" | "anonymous";
  /** Of the user or the token. */
  id: string | null;
  /** For people to read: an e-mail address, the name of a token or of a user of the machine. Never a secret. */
  name: string;
  /** From where, as far as that is known. */
  address: string | null;
}

/** What is written down. */
export interface AuditEntry {
  /** The thing and what was done to it, such as `token.revoke`. */
  kind: AuditKind;
  teamId?: string | null;
  /** What it was done to: an id, a name or a hash. */
  target?: string;
  /** What else matters, such as what changed or what a CI job proved of itself. Never a secret. */
  details?: Record<string, unknown>;
}

export type AuditKind = `${
  | "artifact"
  | "member"
  | "policy"
  | "session"
  | "setup"
  | "team"
  | "token"
  | "user"}.${string}`;

export const serverActor: Actor = { kind: "server", id: null, name: "larder", address: null };

/** Writes down who did what, in the transaction that does it: neither is there without the other. */
export async function recordAudit(tx: Queries, by: Actor, entry: AuditEntry): Promise<void> {
  await tx.insert(audit).values({
    createdAt: Date.now(),
    kind: entry.kind,
    actorKind: by.kind,
    actorId: by.id,
    actorName: by.name,
    address: by.address,
    teamId: entry.teamId ?? null,
    target: entry.target ?? null,
    details: entry.details ?? null,
  });
}
