import { constants } from "node:fs";
import { access as tryPath } from "node:fs/promises";
import { Elysia } from "elysia";
import { BunAdapter } from "elysia/adapter/bun";
import { admin } from "../admin/admin.ts";
import { Admission } from "../admin/admission.ts";
import { StorageTotals } from "../admin/storage-totals.ts";
import { who } from "../admin/who.ts";
import { serverActor } from "../audit/audit-log.ts";
import { ArtifactList } from "../cache/artifact-list.ts";
import { type AccessOptions, access } from "../http/access.ts";
import { BrowserSessions } from "../http/browser-session.ts";
import { errorHandler } from "../http/errors.ts";
import { Site } from "../http/site.ts";
import { Authenticator } from "../identity/authenticator.ts";
import { ClientLogins } from "../identity/client-logins.ts";
import { Exchange } from "../identity/exchange.ts";
import { Issuers } from "../identity/issuers.ts";
import { Links } from "../identity/links.ts";
import { PasswordSignIn } from "../identity/password-sign-in.ts";
import { RateLimiter } from "../identity/rate-limiter.ts";
import { RefusedWrites } from "../identity/refused-writes.ts";
import { Sessions } from "../identity/sessions.ts";
import { Users } from "../identity/users.ts";
import { Guard } from "../metrics/guard.ts";
import { metricsRoute } from "../metrics/metrics-route.ts";
import { oauth } from "../protocols/oauth/oauth.ts";
import { turboAccount } from "../protocols/turbo/account.ts";
import { hashOf } from "../protocols/turbo/hash.ts";
import { turbo } from "../protocols/turbo/turbo.ts";
import type { Refusal } from "../refusal.ts";
import { health, type ReadinessCheck } from "../server/health.ts";
import { pageErrors } from "../sign-in/error-page.ts";
import { oidcChoice, oidcRoutes } from "../sign-in/oidc.ts";
import { pages } from "../sign-in/pages.ts";
import { turboLogin } from "../sign-in/turbo-login.ts";
import { unknownPage } from "../sign-in/unknown-page.ts";
import { StorageHistory } from "../usage/storage-history.ts";
import { UsageHistory } from "../usage/usage-history.ts";
import { dashboard } from "./dashboard.ts";
import type { Parts } from "./parts.ts";

/** Everything that larder answers over HTTP. */
export function buildRoutes(parts: Parts) {
  const { config, database, storage, cache, usage, uploadLog, tokenUse, oidc, requests, log } = parts;
  const { runs, notices, liveFeed, metrics } = parts;
  const onRefusal = (request: Request, { code, message }: Refusal) =>
    requests.note(request, { refused: code, reason: message });
  const addressOf = (request: Request) => requests.addressOf(request);
  const authenticator = new Authenticator(database, config.turboToken ?? []);
  const refusedWrites = new RefusedWrites(database, log);
  const tokenRules: AccessOptions = {
    authenticator,
    rateLimiter: new RateLimiter(config.maxRequestsPerMinute),
    refusedWrites,
    hashOf,
    addressOf,
    onAsker: (request, asker) => {
      const ofTeam = "team" in asker && { team: asker.team.slug, teamId: asker.team.id };
      requests.note(request, { ...ofTeam, token: asker.name });
      tokenUse.note(asker.tokenId);
    },
  };
  const accessRules = access(tokenRules);
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
  const keepAlive = (request: Request) => requests.keepAlive(request);
  const site = new Site(config.publicUrl, config.basePath);
  const baseUrl = (request: Request) => site.baseUrl(request);
  const sessions = new Sessions(database);
  const users = new Users(database, serverActor);
  const logins = new ClientLogins(database, config.loginTokenMaxAge);
  const browserSessions = new BrowserSessions({
    sessions,
    site,
    sessionMaxAgeMs: config.sessionMaxAge,
    addressOf,
    onUser: (request, { email }) => requests.note(request, { user: email }),
  });
  const signInOptions = {
    site,
    browserSessions,
    database,
    users,
    sessions,
    links: new Links(database),
    passwordSignIn: new PasswordSignIn(database, users, log),
    choices: oidc ? [oidcChoice(oidc.provider)] : [],
    oidcProvider: oidc?.provider,
    addressOf,
    errors: pageErrors(onError()),
  };
  const issuers = new Issuers();
  const tokenExchange = oauth({
    exchange: new Exchange({ database, issuers }),
    onError,
    addressOf,
    onIssued: (request, issued) => requests.note(request, issued),
  });
  const admission = new Admission({ ...tokenRules, database, browserSessions });
  const adminApi = admin({
    database,
    cache,
    artifactList: new ArtifactList(database),
    storageTotals: new StorageTotals(database, storage),
    storageHistory: new StorageHistory(database),
    usageHistory: new UsageHistory(database),
    runs,
    notices,
    issuers,
    admission,
    who: who(admission),
    liveFeed,
    onError,
    baseUrl,
    keepAlive,
    defaultAudience: config.publicUrl ?? "larder",
    settings: parts.settings,
    dataFolder: config.data,
  });
  const { metricsToken } = config;
  const guard = new Guard({ authenticator, metricsToken });
  const metricsOptions = { metrics, guard, onError };
  const turboOptions = { cache, usage, uploadLog, refusedWrites, access: accessRules, onError };
  const api = new Elysia({ prefix: config.basePath })
    .use(tokenExchange)
    .use(turbo({ ...turboOptions, baseUrl, keepAlive, addressOf }))
    .use(turboAccount({ users, logins, access: accessRules, onError, addressOf }))
    .use(adminApi)
    .use(pages(signInOptions))
    .use(turboLogin({ ...signInOptions, logins }))
    .use(dashboard(signInOptions))
    .use(health(checks))
    .use(metricsRoute(metricsOptions));
  if (oidc) api.use(oidcRoutes({ ...signInOptions, ...oidc, onRefusal }));
  const root = new Elysia({
    // A field that no model knows is a mistake to be told of, not one to be left out in silence.
    normalize: false,
    // Elysia would look for the path only behind a host name of four letters or more.
    handler: { standardHostname: false },
    // It would answer HEAD by reading all bytes of the answer to GET, to count them; the server knows a file's length.
    adapter: { ...BunAdapter, isWebStandard: false },
  }).use(api);
  // These are also found where no proxy's prefix is known.
  if (config.basePath !== "") root.use(health(checks)).use(metricsRoute(metricsOptions));
  return root.onError(unknownPage(onError(), site)).compile();
}
