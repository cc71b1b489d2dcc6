import { toOpenAPISchema, unwrapSchema } from "@elysiajs/openapi/openapi";
import type { AnyElysia } from "elysia";
import { version } from "../version.ts";
import { errorModel } from "./model.ts";

/** As far as it is read here (OpenAPI 3.1). */
export interface ApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string; description?: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
  security: Record<string, string[]>[];
}

export interface Operation {
  operationId: string;
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
  security?: Record<string, string[]>[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: Schema;
}

export type Schema = { [keyword: string]: unknown };

const tags = {
  Me: "Who asks",
  Overview: "What the cache saved, and how full it is",
  Runs: "What clients did, one run at a time",
  Artifacts: "What is stored",
  Teams: "The tenants, and who belongs to them",
  Tokens: "Secrets with which programs ask",
  "CI policies": "Which CI jobs get a token without any secret",
  Users: "The people who may sign in",
  Audit: "Who did what",
  Connect: "What to paste where",
  Server: "What the server goes by, and what it holds",
};

const description = `Everything that larder's pages show and do, for scripts.

Send a token as \`Authorization: Bearer <token>\`: a user's token may what its user may, at most its own permission, and a team's
token is good for that team. Tokens with a scope may nothing here. In a browser the session's cookie does; whatever changes
something then has to come from larder's own pages, with the session's \`csrfToken\` (GET /me) in the header \`x-csrf-token\`.

Times are ISO 8601, durations (\`…Ms\`) milliseconds, sizes (\`…Bytes\`) bytes. Lists give \`items\` and \`nextCursor\`: ask again with
\`cursor\` until it is null. Whatever goes wrong is answered with one shape, whose \`code\` is for programs and whose \`message\` says
what to do.`;

/** What may go wrong with any request. */
const errors: Record<string, string> = {
  400: "The request is not what this route takes",
  401: "No token and no session, or none that counts (any more)",
  402: "The team is blocked",
  403: "Known, and not allowed to do this, or to see this team",
  404: "There is no such thing, or none that one may see",
  405: "The method is not one of this path's, which `Allow` names",
  409: "It does not go together with what is there",
  413: "The body is too long",
  429: "Too many requests; `Retry-After` says when to come back",
  500: "A fault of larder's; its log says what",
  503: "It cannot be done as things are; the message says why",
};

/** Describes the routes of the API. The server is to be put in by whoever gives it away. */
export function apiDocument(api: AnyElysia): ApiDocument {
  // Asked itself, Elysia would name the routes of the whole server.
  const described = { getGlobalRoutes: () => api.routes } as unknown as AnyElysia;
  const { paths } = toOpenAPISchema(described) as unknown as Pick<ApiDocument, "paths">;
  for (const { method, path, hooks } of api.routes) {
    const operation = paths[path.replace(/:([^/]+)/g, "{$1}")]?.[method.toLowerCase()];
    if (operation) complete(operation, hooks as { body?: never });
  }
  return tidied({
    openapi: "3.1.0",
    info: { title: "larder", version, description },
    servers: [],
    tags: Object.entries(tags).map(([name, about]) => ({ name, description: about })),
    paths,
    components: {
      schemas: { Error: errorModel },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A user's or a team's token" },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "larder_session",
          description:
            "Of a browser in which somebody is signed in; over HTTPS it is called __Host-larder_session",
        },
      },
    },
    security: [{ token: [] }, { session: [] }],
  });
}

function complete(operation: Operation, { body }: { body?: never }): void {
  // The plugin knows bodies by the parsers of Elysia, and larder has its own.
  if (body !== undefined) {
    operation.requestBody = {
      required: true,
      content: { "application/json": { schema: unwrapSchema(body) as unknown as Schema } },
    };
  }
  for (const parameter of operation.parameters ?? []) {
    const { description } = parameter.schema as { description?: string };
    if (description !== undefined) parameter.description = description;
  }
  operation.responses ??= {};
  for (const [status, description] of Object.entries(errors)) {
    operation.responses[status] ??= {
      description,
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    };
  }
}

/** As JSON, and without what Elysia's schemas have for its own use. */
function tidied(document: ApiDocument): ApiDocument {
  return JSON.parse(JSON.stringify(document), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const schema = value as Schema;
    if (Array.isArray(schema.enum)) return wholeEnum(schema as Schema & { enum: unknown[] });
    if (!Array.isArray(schema.anyOf)) return value;
    const { anyOf, ...rest } = schema as { anyOf: Schema[] };
    // In a path or a query everything is text, which goes without saying.
    const alternatives = anyOf.filter(({ type, format }) => !(type === "string" && isWrittenForm(format)));
    return alternatives.length === 1 ? { ...alternatives[0], ...rest } : { anyOf: alternatives, ...rest };
  }) as ApiDocument;
}

/** With the type that its words have, and with null where that is one of its types. */
function wholeEnum({ type = "string", enum: words, ...rest }: Schema & { enum: unknown[] }): Schema {
  const lacksNull = [type].flat().includes("null") && !words.includes(null);
  return { type, ...rest, enum: lacksNull ? [...words, null] : words };
}

function isWrittenForm(format: unknown): boolean {
  return format === "integer" || format === "numeric" || format === "boolean";
}
