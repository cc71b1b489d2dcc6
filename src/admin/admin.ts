import { Elysia } from "elysia";
import type { ArtifactList } from "../cache/artifact-list.ts";
import type { Cache } from "../cache/cache.ts";
import type { Database } from "../database/database.ts";
import type { ErrorHandler } from "../http/errors.ts";
import type { Issuers } from "../identity/issuers.ts";
import type { Notices } from "../notices/notices.ts";
import { Refusal } from "../refusal.ts";
import type { Runs } from "../usage/runs.ts";
import type { StorageHistory } from "../usage/storage-history.ts";
import type { UsageHistory } from "../usage/usage-history.ts";
import { adminPath } from "./admin-path.ts";
import type { Admission } from "./admission.ts";
import { artifactsRoutes } from "./artifacts-routes.ts";
import { auditRoutes } from "./audit-routes.ts";
import { connectRoutes } from "./connect-routes.ts";
import { gcRoutes } from "./gc-routes.ts";
import type { LiveFeed } from "./live-feed.ts";
import { liveRoutes } from "./live-routes.ts";
import { meRoutes } from "./me-routes.ts";
import { membersRoutes } from "./members-routes.ts";
import { type ApiDocument, apiDocument } from "./openapi.ts";
import { openApiRoutes } from "./openapi-routes.ts";
import { overviewRoutes } from "./overview-routes.ts";
import { policiesRoutes } from "./policies-routes.ts";
import { purgeRoutes } from "./purge-routes.ts";
import { restOfApi } from "./rest-of-api.ts";
import { runsRoutes } from "./runs-routes.ts";
import { type ShownSetting, settingsRoutes } from "./settings-routes.ts";
import { storageRoutes } from "./storage-routes.ts";
import type { StorageTotals } from "./storage-totals.ts";
import { teamsRoutes } from "./teams-routes.ts";
import { tokensRoutes } from "./tokens-routes.ts";
import { usersRoutes } from "./users-routes.ts";
import type { who } from "./who.ts";

export interface AdminOptions {
  database: Database;
  cache: Cache;
  artifactList: ArtifactList;
  storageTotals: StorageTotals;
  storageHistory: StorageHistory;
  usageHistory: UsageHistory;
  runs: Runs;
  notices: Notices;
  issuers: Issuers;
  liveFeed: LiveFeed;
  admission: Admission;
  who: ReturnType<typeof who>;
  onError: ErrorHandler;
  /** The address that clients use for this request's server, without a slash at its end. */
  baseUrl: (request: Request) => string;
  /** To be called while an answer takes long, so that its connection is not taken for an idle one. */
  keepAlive: (request: Request) => void;
  /** For whom the tokens of CI jobs have to be, unless a policy says otherwise. */
  defaultAudience: string;
  settings: () => ShownSetting[];
  dataFolder: string;
}

/**
 * `..` in the place of an id means the path before it (WHATWG URL, 4.4): DELETE of a member called so would be one of the
 * team. The server makes that path of it before anybody sees what was sent, but always with a slash at its end.
 * @throws Refusal `not_found`.
 */
function requireWholePath({ url }: Request): void {
  const { pathname } = new URL(url);
  if (!pathname.endsWith("/")) return;
  throw new Refusal(
    "not_found",
    "The path ends with a slash, or with . or .. in the place of a name, which mean another path. Name what is meant.",
  );
}

/** Whoever signs out, or shares a proxy or a browser with others, leaves nothing of it behind (RFC 9111, 5.2.2.5). */
const notKeptHeader = "no-store";

function notKept(onError: ReturnType<ErrorHandler>): ReturnType<ErrorHandler> {
  return async (thrown) => {
    const answer = await onError(thrown);
    answer.headers.set("cache-control", notKeptHeader);
    return answer;
  };
}

/** The HTTP API that the dashboard and scripts use. */
export function admin(options: AdminOptions) {
  const routes = new Elysia({ name: "admin", prefix: adminPath })
    .onError(notKept(options.onError()))
    .onBeforeHandle(({ request, set }) => {
      set.headers["cache-control"] = notKeptHeader;
      requireWholePath(request);
    })
    .use(meRoutes(options))
    .use(overviewRoutes(options))
    .use(liveRoutes(options))
    .use(runsRoutes(options))
    .use(artifactsRoutes(options))
    .use(purgeRoutes(options))
    .use(teamsRoutes(options))
    .use(membersRoutes(options))
    .use(tokensRoutes(options))
    .use(policiesRoutes(options))
    .use(usersRoutes(options))
    .use(auditRoutes(options))
    .use(connectRoutes(options))
    .use(storageRoutes(options))
    .use(gcRoutes(options))
    .use(settingsRoutes(options));
  const { baseUrl } = options;
  let document: ApiDocument | undefined;
  const described = () => (document ??= apiDocument(routes));
  return new Elysia()
    .use(routes)
    .use(openApiRoutes({ document: described, baseUrl }))
    .use(restOfApi(routes));
}
