import type { Logger } from "pino";
import { LiveFeed } from "../admin/live-feed.ts";
import { serverActor } from "../audit/audit-log.ts";
import { UploadLog } from "../audit/upload-log.ts";
import { Cache } from "../cache/cache.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { createDataFolder, openDataFolder } from "../database/data-folder.ts";
import { refusalAnswer } from "../http/answer.ts";
import { openOidc } from "../identity/open-oidc.ts";
import { defaultTeamSlug, Teams } from "../identity/teams.ts";
import { TokenUse } from "../identity/token-use.ts";
import { Metrics } from "../metrics/metrics.ts";
import { RequestCounter } from "../metrics/request-counter.ts";
import { Notices } from "../notices/notices.ts";
import { localUrl, networkUrls } from "../server/addresses.ts";
import { lockData } from "../server/data-lock.ts";
import { type Listener, listen } from "../server/listen.ts";
import { chosenFormat, type ServerLog } from "../server/logger.ts";
import { Requests } from "../server/requests.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import { Runs } from "../usage/runs.ts";
import { UsageRecorder } from "../usage/usage-recorder.ts";
import { chooseMaxSize, createFirstToken, createSetupLinks } from "./first-start.ts";
import { scheduleJobs } from "./jobs.ts";
import { listenForMetrics } from "./metrics-listener.ts";
import { buildRoutes } from "./routes.ts";
import { shownSettings } from "./shown-settings.ts";

export interface App {
  /** How this machine reaches it. */
  readonly url: string;
  /** How others do, as far as the machine knows. */
  readonly networkUrls: string[];
  /** On the first start of a data folder: the secret of its first token, to be shown once. */
  readonly firstSecret: string | undefined;
  /**
   * While there is no administrator: the link with which the first one is made, to be shown once. The first is for this
   * machine's browser, the others are the same one for those of other machines.
   */
  readonly setupLinks: readonly string[];
  readonly dataFolder: string;
  readonly teamSlug: string;
  /** What all artifacts together may take; undefined for no limit. */
  readonly maxSizeBytes: number | undefined;
  /** Takes no new requests, waits for the transfers under way (`shutdownTimeout`), and lets go of everything. */
  stop(): Promise<void>;
}

/**
 * Opens the data folder, builds the services and listens. Everything that larder consists of is put together here.
 * @throws Refusal when the folder is served already or cannot be used, or the address cannot be had.
 */
export async function startApp(loaded: LoadedConfig, { log, logRequest }: ServerLog): Promise<App> {
  const { config } = loaded;
  createDataFolder(config.data);
  await using undo = new AsyncDisposableStack();
  const lock = lockData(config.data);
  undo.defer(() => lock.release());
  const database = openDataFolder(config.data, config.durability, (error) => {
    log.fatal(
      { err: error },
      "the database's log could not be synced; check the disk, then start larder again",
    );
    process.exit(1);
  });
  undo.defer(() => database.close());

  const storage = await DiskStorage.open(config.data, config.durability);
  const maxSizeBytes = await chooseMaxSize(config.maxSize, database, storage);
  const cache = await Cache.open({
    database,
    storage,
    maxArtifactSizeBytes: config.maxArtifactSize,
    maxSizeBytes,
    minFreeBytes: config.minFree,
    maxAgeMs: config.maxAge,
    scopeMaxAgeMs: config.scopeMaxAge,
    log,
  });
  undo.defer(() => cache.close());
  const usage = new UsageRecorder(database, log);
  undo.defer(() => usage.close());
  const uploadLog = new UploadLog(database, log);
  const tokenUse = new TokenUse(database);
  undo.defer(() => tokenUse.flush());
  await new Teams(database, serverActor).ensureDefault();

  // Readiness says it, too, but nobody may look there.
  const freeBytes = await storage.freeBytes();
  if (freeBytes < config.minFree) log.warn({ freeBytes, minFree: config.minFree }, "no room for uploads");

  const requests = new Requests(config.proxyHops);
  const oidc = await openOidc({
    issuer: config.oidcIssuer,
    clientId: config.oidcClientId,
    clientSecret: config.oidcClientSecret,
    name: config.oidcName,
    scopes: config.oidcScopes,
    groupsClaim: config.oidcGroupsClaim,
    rules: config.oidcAccess,
    database,
    log,
  });
  const runs = new Runs(database);
  const counter = new RequestCounter(config.basePath);
  const metrics = new Metrics({ cache, database, counter, requests, usage });
  const notices = await Notices.open({ cache, database, server: { settings: config, usage, counter } });
  const liveFeed = new LiveFeed({ usage, notices, database, log });
  const parts = {
    config,
    // Which ports they are is known once it listens.
    settings: () =>
      shownSettings(loaded, {
        maxSize: maxSizeBytes,
        port: listener.port,
        metricsPort: metricsListener?.port,
        logFormat: chosenFormat(config.logFormat),
      }),
    database,
    storage,
    cache,
    usage,
    runs,
    notices,
    liveFeed,
    uploadLog,
    tokenUse,
    oidc,
    requests,
    metrics,
    log,
  };
  const routes = buildRoutes(parts);
  // Before clients come, who would be sent away again if its address cannot be had.
  const metricsListener = listenForMetrics(parts);
  if (metricsListener) undo.defer(async () => void (await metricsListener.drain(0)));
  const listener = listen({
    handle: (request) => routes.fetch(request),
    refuse: refusalAnswer,
    host: config.host,
    port: config.port,
    idleTimeoutMs: config.idleTimeout,
    requests,
    log,
    logRequest: (line, notes, headers) => {
      counter.count(line, notes, headers);
      // The log names a team by its slug alone.
      const { teamId, ...logged } = notes ?? {};
      logRequest(line, logged);
    },
  });
  const jobs = scheduleJobs(parts);
  for (const job of jobs) undo.defer(() => job.stop());
  // Comes first, since what is last put here goes first; and what is under way may need the jobs, such as for room.
  undo.defer(async () => {
    const drained = drain(listener, config.shutdownTimeout, log);
    // Streams have no end of their own.
    liveFeed.close();
    await drained;
  });

  // Only now, when nothing can go wrong any more: its secret is shown once.
  const firstSecret = await createFirstToken(database);
  const url = localUrl(config.host, listener.port, config.basePath);
  const otherUrls = networkUrls(config.host, listener.port, config.basePath);
  const clientUrls: [string, ...string[]] =
    config.publicUrl === undefined ? [url, ...otherUrls] : [config.publicUrl];
  const setupLinks = await createSetupLinks(database, clientUrls);
  const [firstUrl, ...furtherUrls] = clientUrls;
  lock.announce(firstUrl, furtherUrls);
  log.info({ url, data: config.data }, "larder serves");
  const held = undo.move();
  return {
    url,
    networkUrls: otherUrls,
    firstSecret,
    setupLinks,
    dataFolder: config.data,
    teamSlug: defaultTeamSlug,
    maxSizeBytes,
    stop: () => held.disposeAsync(),
  };
}

async function drain(listener: Listener, withinMs: number, log: Logger): Promise<void> {
  const complete = await listener.drain(withinMs);
  if (!complete) log.warn({ withinMs }, "transfers cut at shutdown");
}
