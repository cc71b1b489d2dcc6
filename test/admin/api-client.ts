import { Ajv2020, type ValidateFunction } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import type { ApiDocument } from "../../src/admin/openapi.ts";

// biome-ignore lint/suspicious/noExplicitAny: of whatever route; the description tells what it has to be.
export type Json = any;

export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined where the answer is none. */
  json: Json;
}

/** What a client sends with each request, besides the request itself. */
export type Sent = Record<string, string>;

/**
 * Holds every answer against the description that the server gives of itself: a status that is not described, a field too few,
 * one too many or of another kind fails the test.
 */
export class ApiDescription {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();

  private constructor(readonly document: ApiDocument) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.ajv);
    this.ajv.addSchema(closed(document) as object, "api");
  }

  static async of(url: string): Promise<ApiDescription> {
    return new ApiDescription((await (await fetch(`${url}/openapi.json`)).json()) as ApiDocument);
  }

  check(method: string, path: string, { status, headers, text, json }: ApiAnswer): void {
    const template = this.templateOf(method, path);
    // What is no route is answered with an error all the same.
    if (template === undefined) {
      if (![404, 405].includes(status))
        throw new Error(`${method} ${path} answers ${status} and is not described`);
      if (method !== "HEAD") this.validate(`${method} ${path}`, "api#/components/schemas/Error", json);
      return;
    }
    // The same as GET without its body.
    if (method === "HEAD") {
      if (text !== "") throw new Error(`HEAD ${path} has a body`);
      return;
    }
    const responses = this.document.paths[template]?.[method.toLowerCase()]?.responses as Record<
      string,
      Json
    >;
    const response = responses[status];
    if (!response) throw new Error(`${method} ${path} answers ${status}, which is not described: ${text}`);
    const [type] = Object.keys(response.content);
    if (!headers.get("content-type")?.startsWith(type as string))
      throw new Error(`${method} ${path} answers with ${headers.get("content-type")} and not with ${type}`);
    if (type !== "application/json") return;
    const place = [
      "paths",
      template,
      method.toLowerCase(),
      "responses",
      String(status),
      "content",
      type,
      "schema",
    ];
    this.validate(`${method} ${path} ${status}`, `api#/${place.map(pointerPart).join("/")}`, json);
  }

  private validate(what: string, schema: string, json: unknown): void {
    const validate = this.validators.get(schema) ?? this.ajv.compile({ $ref: schema });
    this.validators.set(schema, validate);
    if (validate(json)) return;
    const problems = validate.errors?.map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
    throw new Error(`${what} is not as described:\n${problems?.join("\n")}\n${JSON.stringify(json)}`);
  }

  private templateOf(method: string, path: string): string | undefined {
    const parts = path.split("?")[0]?.split("/") ?? [];
    return (
      Object.entries(this.document.paths)
        .filter(([, methods]) => Object.hasOwn(methods, method === "HEAD" ? "get" : method.toLowerCase()))
        .map(([template]) => template)
        .filter((template) => {
          const ours = template.split("/");
          return (
            ours.length === parts.length &&
            ours.every((one, index) => (one.startsWith("{") ? parts[index] !== "" : one === parts[index]))
          );
        })
        // A word counts before a place for any.
        .sort((a, b) => a.split("{").length - b.split("{").length)[0]
    );
  }
}

/** Asks the admin API as one caller does. */
export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly description: ApiDescription,
    readonly sent: Sent = {},
  ) {}

  async send(method: string, path: string, body?: unknown, more: Sent = {}): Promise<ApiAnswer> {
    const route = `/api/v1${path}`;
    const response = await fetch(this.url + route, {
      method,
      headers: { ...this.sent, ...more },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, text, json: parsed(text) };
    this.description.check(method, route, answer);
    return answer;
  }

  /** The answer of a request that has to succeed. */
  async ok(method: string, path: string, body?: unknown): Promise<Json> {
    const { status, json, text } = await this.send(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return json;
  }

  async get(path: string): Promise<Json> {
    return await this.ok("GET", path);
  }

  /** All items of a list, a few at a time. */
  async all(path: string, limit = 3): Promise<Json[]> {
    const items: Json[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const { items: more, nextCursor } = await this.get(
        `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      items.push(...more);
      cursor = nextCursor;
    }
    return items;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where a schema names its properties, there are no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, closed(one)]);
  const copy = Object.fromEntries(entries) as Record<string, unknown>;
  if (copy.type === "object" && copy.properties !== undefined) copy.additionalProperties ??= false;
  return copy;
}

function pointerPart(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
