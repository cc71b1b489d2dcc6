import { Elysia } from "elysia";
import type { Cache } from "../cache/cache.ts";
import type { Database } from "../database/database.ts";
import type { ErrorHandler } from "../http/errors.ts";
import type { Askers } from "./askers.ts";
import { meRoutes } from "./me-routes.ts";
import { restOfApi } from "./rest-of-api.ts";
import { teamsRoutes } from "./teams-routes.ts";
import type { who } from "./who.ts";

export interface AdminOptions {
  database: Database;
  cache: Cache;
  askers: Askers;
  who: ReturnType<typeof who>;
  onError: ErrorHandler;
}

export const adminPath = "/api/v1";

/** The HTTP API that the dashboard and scripts use. */
export function admin(options: AdminOptions) {
  const routes = new Elysia({ name: "admin", prefix: adminPath })
    .onError(options.onError())
    .use(meRoutes(options))
    .use(teamsRoutes(options));
  return routes.use(restOfApi(routes));
}
