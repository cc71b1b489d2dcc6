import { expireAudit } from "../audit/expire-audit.ts";
import { removeExchangedTokens } from "../identity/exchanged-tokens.ts";
import { Links } from "../identity/links.ts";
import { Sessions } from "../identity/sessions.ts";
import { type Schedule, schedule } from "../server/schedule.ts";
import type { Parts } from "./parts.ts";

const collectEveryMs = 2_000;
const recencyEveryMs = 5_000;
const tokenUseEveryMs = 5_000;
const expireEveryMs = 60 * 60_000;
const verifyPauseMs = 60_000;
/** For that long one can look up whose job an expired token of CI was, whatever it did. */
const exchangedTokenMaxAgeMs = 30 * 86_400_000;

/** What larder does on its own, as long as it runs. */
export function scheduleJobs({ cache, config, database, eventLog, tokenUse, log }: Parts): Schedule[] {
  return [
    schedule("collect blobs", collectEveryMs, log, async (signal) => {
      await cache.verifier.verifySuspects();
      const freed = await cache.collector.collect({ signal });
      if (freed.blobs > 0) log.info(freed, "blobs collected");
      // A limit that was lowered, or a round that failed, waits for no upload.
      cache.evictor.wake();
    }),
    schedule("write recency", recencyEveryMs, log, () => cache.recency.flush()),
    schedule("write last uses of tokens", tokenUseEveryMs, log, () => tokenUse.flush()),
    schedule("remove what is old", expireEveryMs, log, async (signal) => {
      const quarantined = await cache.collector.emptyQuarantine();
      if (quarantined.blobs > 0) log.info(quarantined, "old blobs removed from quarantine");
      await new Sessions(database).removeExpired();
      await new Links(database).removeExpired();
      await eventLog.expire(Date.now() - config.eventMaxAge, signal);
      const ages = { uploadMaxAgeMs: config.eventMaxAge, maxAgeMs: config.auditMaxAge };
      await expireAudit(database, ages, { signal });
      const artifacts = await cache.evictor.expire(Date.now(), signal);
      if (artifacts > 0) log.info({ artifacts }, "artifacts expired");
      await cache.evictor.shrinkTeams();
      const tokens = await removeExchangedTokens(database, Date.now() - exchangedTokenMaxAgeMs, signal);
      if (tokens > 0) log.info({ tokens }, "expired tokens of CI jobs removed");
    }),
    schedule("verify blobs", verifyPauseMs, log, async (signal) => {
      if (config.verifyRate === undefined) return;
      const { rotten, unknown } = await cache.verifier.verify({ bytesPerSecond: config.verifyRate, signal });
      if (rotten.length + unknown.length > 0) log.warn({ rotten, unknown }, "blobs verified");
    }),
  ];
}
