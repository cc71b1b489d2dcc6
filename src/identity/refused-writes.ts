import type { Logger } from "pino";
import { RefusalLog } from "../audit/refusal-log.ts";
import type { Database } from "../database/database.ts";
import { Refusal, type RefusalCode } from "../refusal.ts";
import { actorOf, type Credential, type Principal } from "./principal.ts";

const maxRecordedPerMinute = 10;

/** Why somebody may not, rather than what was wrong with the request or wanting in the server. */
const recorded: readonly RefusalCode[] = [
  "unauthorized",
  "forbidden",
  "wrong_team",
  "signature_required",
  "conflict",
];

/** Writes down who, of those that are known, wanted to upload or delete artifacts and may not. */
export class RefusedWrites {
  private readonly refusals: RefusalLog;

  constructor(
    database: Database,
    private readonly log: Logger,
  ) {
    this.refusals = new RefusalLog(database, maxRecordedPerMinute);
  }

  /**
   * Of one asker and one reason, one a minute is written down, and ten in all of a user's tokens or of a team's own: whoever
   * floods the log mutes nobody else. Never rejects: the answer is the refusal itself.
   * @param error whatever the request failed with.
   * @param wish `owner` is the credential's, see there. `hash` is undefined for a deletion, or where the request has none.
   */
  async record(
    asker: Credential | Principal,
    error: unknown,
    { owner, hash, address }: { owner: string; hash: string | undefined; address: string | null },
  ): Promise<void> {
    if (!(error instanceof Refusal) || !recorded.includes(error.code)) return;
    const by = actorOf(asker, address);
    const teamId = onlyTeamOf(asker);
    const entry = {
      kind: "artifact.refuse",
      teamId,
      ...(hash !== undefined && { target: hash }),
      details: { code: error.code, reason: error.message, scope: asker.scope },
    } as const;
    // Of strangers one a minute and team will do, wherever they come from.
    const who = by.kind === "anonymous" ? by.name : owner;
    try {
      await this.refusals.record(
        by,
        entry,
        `${by.kind} ${who} ${error.code}`,
        asker.userId ?? teamId ?? undefined,
      );
    } catch (failure) {
      this.log.error({ err: failure }, "refused write not written down");
    }
  }
}

function onlyTeamOf(asker: Credential | Principal): string | null {
  if ("team" in asker) return asker.team.id;
  const [principal, another] = asker.principals;
  return principal && !another ? principal.team.id : null;
}
