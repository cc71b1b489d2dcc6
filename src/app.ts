import { constants } from "node:fs";
import { access as tryPath } from "node:fs/promises";
import { Elysia } from "elysia";
import { BunAdapter } from "elysia/adapter/bun";
import type { Logger } from "pino";
import { serverActor } from "./audit/audit-log.ts";
import { expireAudit } from "./audit/expire-audit.ts";
import { UploadLog } from "./audit/upload-log.ts";
import { Cache } from "./cache/cache.ts";
import type { Config } from "./config/settings.ts";
import { choose, maxSizeChoice } from "./database/choices.ts";
import { createDataFolder, openDataFolder } from "./database/data-folder.ts";
import type { Database } from "./database/database.ts";
import { Authenticator } from "./identity/authenticator.ts";
import { ClientLogins } from "./identity/client-logins.ts";
import { Exchange } from "./identity/exchange.ts";
import { removeExchangedTokens } from "./identity/exchanged-tokens.ts";
import { Issuers } from "./identity/issuers.ts";
import { Links } from "./identity/links.ts";
import { type Oidc, openOidc } from "./identity/open-oidc.ts";
import { PasswordSignIn } from "./identity/password-sign-in.ts";
import { RateLimiter } from "./identity/rate-limiter.ts";
import { Sessions } from "./identity/sessions.ts";
import { defaultTeamSlug, Teams } from "./identity/teams.ts";
import { TokenUse } from "./identity/token-use.ts";
import { Tokens } from "./identity/tokens.ts";
import { Users } from "./identity/users.ts";
import { access } from "./protocols/access.ts";
import { refusalAnswer } from "./protocols/answer.ts";
import { errorHandler } from "./protocols/errors.ts";
import { oauth } from "./protocols/oauth/oauth.ts";
import { turboAccount } from "./protocols/turbo/account.ts";
import { turbo } from "./protocols/turbo/turbo.ts";
import type { Refusal } from "./refusal.ts";
import { localUrl, networkUrls } from "./server/addresses.ts";
import { lockData } from "./server/data-lock.ts";
import { health, type ReadinessCheck } from "./server/health.ts";
import { type Listener, listen } from "./server/listen.ts";
import type { ServerLog } from "./server/logger.ts";
import { Requests } from "./server/requests.ts";
import { type Schedule, schedule } from "./server/schedule.ts";
import { BrowserSessions } from "./sign-in/browser-session.ts";
import { pageErrors } from "./sign-in/error-page.ts";
import { oidcChoice, oidcRoutes } from "./sign-in/oidc.ts";
import { pages } from "./sign-in/pages.ts";
import { Site } from "./sign-in/site.ts";
import { turboLogin } from "./sign-in/turbo-login.ts";
import { DiskStorage } from "./storage/disk/disk-storage.ts";
import { EventLog } from "./usage/event-log.ts";

const autoShare = 0.8;
const collectEveryMs = 2_000;
const recencyEveryMs = 5_000;
const tokenUseEveryMs = 5_000;
const expireEveryMs = 60 * 60_000;
const verifyPauseMs = 60_000;
const setupLinkMaxAgeMs = 60 * 60_000;
/** For that long one can look up whose job an expired token of CI was, whatever it did. */
const exchangedTokenMaxAgeMs = 30 * 86_400_000;

export interface App {
  /** How this machine reaches it. */
  readonly url: string;
  /** How others do, as far as the machine knows. */
  readonly networkUrls: string[];
  /** On the first start of a data folder: the secret of its first token, to be shown once. */
  readonly firstSecret: string | undefined;
  /** While there is no administrator: the link with which the first one is made, to be shown once. */
  readonly setupLink: string | undefined;
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
export async function startApp(config: Config, { log, logRequest }: ServerLog): Promise<App> {
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
  const eventLog = new EventLog(database, log);
  const uploadLog = new UploadLog(database, log);
  const tokenUse = new TokenUse(database);
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
  const parts = { config, database, storage, cache, eventLog, uploadLog, tokenUse, oidc, requests, log };
  const routes = buildRoutes(parts);
  const listener = listen({
    handle: (request) => routes.fetch(request),
    refuse: refusalAnswer,
    host: config.host,
    port: config.port,
    idleTimeoutMs: config.idleTimeout,
    requests,
    log,
    logRequest,
  });
  const jobs = scheduleJobs(parts);
  undo.defer(async () => {
    await Promise.all([drain(listener, config.shutdownTimeout, log), ...jobs.map((job) => job.stop())]);
    await cache.close();
    await uploadLog.stop();
    await tokenUse.flush();
  });

  // Only now, when nothing can go wrong any more: its secret is shown once.
  const firstSecret = await createFirstToken(database);
  const url = localUrl(config.host, listener.port, config.basePath);
  const setupLink = await createSetupLink(database, config.publicUrl ?? url);
  const otherUrls = networkUrls(config.host, listener.port, config.basePath);
  lock.announce(config.publicUrl ?? url, config.publicUrl === undefined ? otherUrls : []);
  log.info({ url, data: config.data }, "larder serves");
  const held = undo.move();
  return {
    url,
    networkUrls: otherUrls,
    firstSecret,
    setupLink,
    teamSlug: defaultTeamSlug,
    maxSizeBytes,
    stop: () => held.disposeAsync(),
  };
}

/** What the first start chose for `auto` stays, so that the limit does not follow what others do with the disk. */
async function chooseMaxSize(
  setting: Config["maxSize"],
  database: Database,
  storage: DiskStorage,
): Promise<number | undefined> {
  if (setting !== "auto") return setting;
  const freeBytes = await storage.freeBytes();
  return Number(await choose(database, maxSizeChoice, () => String(Math.floor(freeBytes * autoShare))));
}

function scheduleJobs({ cache, config, database, eventLog, tokenUse, log }: Parts): Schedule[] {
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

/** @returns the secret of a new write token, if the folder has never had a token. */
async function createFirstToken(database: Database): Promise<string | undefined> {
  const tokens = new Tokens(database, serverActor);
  if (await tokens.any()) return undefined;
  const team = await new Teams(database, serverActor).get(defaultTeamSlug);
  const { secret } = await tokens.create({ teamId: team.id, name: "first start", permission: "write" });
  return secret;
}

/** @returns a new one in place of all before, if there is no administrator yet. */
async function createSetupLink(database: Database, url: string): Promise<string | undefined> {
  if (await new Users(database, serverActor).isSetUp()) return undefined;
  const secret = await new Links(database).create("setup", { maxAgeMs: setupLinkMaxAgeMs });
  // In the fragment, which browsers do not send: no log on the way has it.
  return `${url}/setup#${secret}`;
}

interface Parts {
  config: Config;
  database: Database;
  storage: DiskStorage;
  cache: Cache;
  eventLog: EventLog;
  uploadLog: UploadLog;
  tokenUse: TokenUse;
  oidc: Oidc | undefined;
  requests: Requests;
  log: Logger;
}

function buildRoutes(parts: Parts) {
  const { config, database, storage, cache, eventLog, uploadLog, tokenUse, oidc, requests, log } = parts;
  const onRefusal = (request: Request, { code, message }: Refusal) =>
    requests.note(request, { refused: code, reason: message });
  const accessRules = access({
    authenticator: new Authenticator(database, config.turboToken ?? []),
    rateLimiter: new RateLimiter(config.maxRequestsPerMinute),
    addressOf: (request) => requests.addressOf(request),
    onAsker: (request, asker) => {
      requests.note(request, { ...("team" in asker && { team: asker.team.slug }), token: asker.name });
      tokenUse.note(asker.tokenId);
    },
  });
  const onError = errorHandler({
    log,
    onRefusal,
    noRouteHint: `Set TURBO_API to this server's address${config.basePath && `, followed by ${config.basePath}`}; turbo adds /v8/artifacts itself.`,
  });
  const checks: ReadinessCheck[] = [
    () => database.check(),
    () => tryPath(config.data, constants.W_OK),
    () => storage.check(),
    () => cache.capacity.check(),
  ];
  const baseUrl = (request: Request) => config.publicUrl ?? new URL(request.url).origin + config.basePath;
  const keepAlive = (request: Request) => requests.keepAlive(request);
  const addressOf = (request: Request) => requests.addressOf(request);
  const site = new Site(config.publicUrl, config.basePath);
  const sessions = new Sessions(database);
  const users = new Users(database, serverActor);
  const logins = new ClientLogins(database, config.loginTokenMaxAge);
  const signInOptions = {
    site,
    browserSessions: new BrowserSessions({
      sessions,
      site,
      sessionMaxAgeMs: config.sessionMaxAge,
      addressOf,
      onUser: (request, { email }) => requests.note(request, { user: email }),
    }),
    database,
    users,
    sessions,
    links: new Links(database),
    passwordSignIn: new PasswordSignIn(database, users, log),
    choices: oidc ? [oidcChoice(oidc.provider)] : [],
    addressOf,
    errors: pageErrors(onError()),
  };
  const tokenExchange = oauth({
    exchange: new Exchange({ database, issuers: new Issuers() }),
    onError,
    addressOf,
    onIssued: (request, issued) => requests.note(request, issued),
  });
  const api = new Elysia({ prefix: config.basePath })
    .use(tokenExchange)
    .use(turbo({ cache, eventLog, uploadLog, access: accessRules, onError, baseUrl, keepAlive, addressOf }))
    .use(turboAccount({ users, logins, access: accessRules, onError, addressOf }))
    .use(pages(signInOptions))
    .use(turboLogin({ ...signInOptions, logins }))
    .use(health(checks));
  if (oidc) api.use(oidcRoutes({ ...signInOptions, ...oidc, onRefusal }));
  const root = new Elysia({
    // Elysia would look for the path only behind a host name of four letters or more.
    handler: { standardHostname: false },
    // It would answer HEAD by reading all bytes of the answer to GET, to count them; the server knows a file's length.
    adapter: { ...BunAdapter, isWebStandard: false },
  }).use(api);
  // Health is also found where no proxy's prefix is known.
  if (config.basePath !== "") root.use(health(checks));
  return root.onError(onError()).compile();
}

async function drain(listener: Listener, withinMs: number, log: Logger): Promise<void> {
  const complete = await listener.drain(withinMs);
  if (!complete) log.warn({ withinMs }, "transfers cut at shutdown");
}
