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
   * Of one asker and one reason, one a minute is written down. Never rejects: the answer is the refusal itself.
   * @param error whatever the request failed with.
   * @param wish `hash` is undefined for a deletion.
   */
  async record(
    asker: Credential | Principal,
    error: unknown,
    { hash, address }: { hash: string | undefined; address: string | null },
  ): Promise<void> {
    if (!(error instanceof Refusal) || !recorded.includes(error.code)) return;
    const by = actorOf(asker, address);
    const details = { code: error.code, reason: error.message, scope: asker.scope };
    const entry = {
      kind: "artifact.refuse",
      teamId: onlyTeamOf(asker),
      ...(hash !== undefined && { target: hash }),
      details,
    } as const;
    try {
      await this.refusals.record(by, entry, `${by.kind} ${by.id ?? by.name} ${error.code}`);
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
