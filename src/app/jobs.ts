import { expireAudit } from "../audit/expire-audit.ts";
import { removeExchangedTokens } from "../identity/exchanged-tokens.ts";
import { Links } from "../identity/links.ts";
import { Sessions } from "../identity/sessions.ts";
import { GarbageWatch } from "../server/garbage-watch.ts";
import { inTurn, type Schedule, schedule, type Work } from "../server/schedule.ts";
import { expireEvents, expireHours, expireRuns } from "../usage/expire-usage.ts";
import { StorageRecorder } from "../usage/storage-recorder.ts";
import { EventTrimmer } from "../usage/trim-events.ts";
import type { Parts } from "./parts.ts";

const collectEveryMs = 2_000;
const recencyEveryMs = 5_000;
const tokenUseEveryMs = 5_000;
const usageEveryMs = 1_000;
const storageEveryMs = 5_000;
const trimEveryMs = 10_000;
const expireEveryMs = 60 * 60_000;
const verifyPauseMs = 60_000;
const lookForGarbageEveryMs = 5_000;
/** For that long one can look up whose job an expired token of CI was, whatever it did. */
const exchangedTokenMaxAgeMs = 30 * 86_400_000;

/** What larder does on its own, as long as it runs. */
export function scheduleJobs(parts: Parts): Schedule[] {
  const { cache, config, database, tokenUse, uploadLog, usage, log } = parts;
  const events = new EventTrimmer(database);
  const garbage = new GarbageWatch();
  const stored = new StorageRecorder(database, () => cache.capacity.storedBytes);
  return [
    schedule("collect", collectEveryMs, log, inTurn(log, collecting(parts))),
    schedule("write recency", recencyEveryMs, log, () => cache.recency.flush()),
    schedule("write last uses of tokens", tokenUseEveryMs, log, () => tokenUse.flush()),
    schedule("write usage", usageEveryMs, log, () => usage.flush()),
    schedule("write how much is stored", storageEveryMs, log, () => stored.record()),
    schedule("trim the log of uploads", trimEveryMs, log, (signal) => uploadLog.trim(signal)),
    schedule("trim events", trimEveryMs, log, (signal) => events.trim(signal)),
    schedule("remove what is old", expireEveryMs, log, inTurn(log, expiring(parts))),
    schedule("collect garbage", lookForGarbageEveryMs, log, async () => garbage.look()),
    schedule("verify blobs", verifyPauseMs, log, async (signal) => {
      const { verifyRate } = config;
      if (verifyRate === undefined) return;
      const round = await cache.verifier.verifyAtLeisure({ bytesPerSecond: verifyRate, signal });
      const { rotten, unknown } = round;
      if (rotten.length + unknown.length > 0) log.warn({ rotten, unknown }, "blobs verified");
    }),
  ];
}

function collecting({ cache, log }: Parts): [string, Work][] {
  return [
    ["verify suspects", () => cache.verifier.verifySuspects()],
    [
      "collect blobs",
      async (signal) => {
        const freed = await cache.collector.collect({ signal });
        if (freed.blobs > 0) log.info(freed, "blobs collected");
      },
    ],
    // A limit that was lowered, or a round that failed, waits for no upload.
    ["make room", async () => cache.evictor.wake()],
  ];
}

function expiring({ cache, config, database, log }: Parts): [string, Work][] {
  return [
    [
      "empty the quarantine",
      async () => {
        const quarantined = await cache.collector.emptyQuarantine();
        if (quarantined.blobs > 0) log.info(quarantined, "old blobs removed from quarantine");
      },
    ],
    ["remove expired sessions", () => new Sessions(database).removeExpired()],
    ["remove expired links", () => new Links(database).removeExpired()],
    ["expire events", (signal) => expireEvents(database, { maxAgeMs: config.eventMaxAge }, { signal })],
    ["expire runs", (signal) => expireRuns(database, { maxAgeMs: config.eventMaxAge }, { signal })],
    ["expire sums of hours", (signal) => expireHours(database, { signal })],
    [
      "expire the audit log",
      (signal) =>
        expireAudit(
          database,
          { uploadMaxAgeMs: config.eventMaxAge, maxAgeMs: config.auditMaxAge },
          { signal },
        ),
    ],
    [
      "expire artifacts",
      async (signal) => {
        const artifacts = await cache.evictor.expire(Date.now(), signal);
        if (artifacts > 0) log.info({ artifacts }, "artifacts expired");
      },
    ],
    ["shrink teams over their quota", async () => void (await cache.evictor.shrinkTeams())],
    [
      "remove tokens of past CI jobs",
      async (signal) => {
        const tokens = await removeExchangedTokens(database, Date.now() - exchangedTokenMaxAgeMs, signal);
        if (tokens > 0) log.info({ tokens }, "expired tokens of CI jobs removed");
      },
    ],
  ];
}
