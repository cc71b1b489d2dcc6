import { Elysia } from "elysia";
import { onlyMethods } from "../http/allowed-methods.ts";
import { adminPath } from "./admin-path.ts";
import { apiPage } from "./api-page.ts";
import type { ApiDocument } from "./openapi.ts";

export interface OpenApiOptions {
  document: () => ApiDocument;
  baseUrl: (request: Request) => string;
}

const documentPaths = ["/openapi.json", `${adminPath}/openapi.json`];

/** The description of the API, for programs and as a page for people. It tells nothing that is not public, so anybody may see it. */
export function openApiRoutes({ document, baseUrl }: OpenApiOptions) {
  const described = (request: Request): ApiDocument => ({
    ...document(),
    servers: [{ url: baseUrl(request) }],
  });
  const json = ({ request }: { request: Request }) => Response.json(described(request));
  const page = ({ request }: { request: Request }) => apiPage(described(request));
  const routes = new Elysia();
  for (const path of documentPaths)
    routes
      .get(path, json)
      .head(path, json)
      .use(onlyMethods(path, "GET", "HEAD"));
  return routes
    .get("/api", page)
    .head("/api", page)
    .use(onlyMethods("/api", "GET", "HEAD"));
}
