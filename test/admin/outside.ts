import type { Schema } from "../../src/admin/openapi.ts";
import type { World } from "./world.ts";

/** A request with one value that its description does not take. */
interface Attempt {
  method: string;
  path: string;
  body: object | undefined;
  /** Where that value stands. */
  field: string;
}

/**
 * Sends each route, one at a time, values just outside of what the server's own description says that it takes: in its path,
 * its query and its body. There has to be a team `web`.
 * @returns how many there were, and those that were not refused for what was wrong with them.
 */
export async function takenFromOutside({ admin, description }: World) {
  const all = Object.entries(description.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      attemptsAt(method.toUpperCase(), path, operation),
    ),
  );
  const taken: object[] = [];
  for (const attempt of all) {
    const { status, json } = await admin.send(attempt.method, attempt.path, attempt.body);
    const isTold = new RegExp(`field "${attempt.field}`).test(json?.message);
    if (status !== 400 || !isTold) taken.push({ ...attempt, status, message: json?.message });
  }
  return { count: all.length, taken };
}

type Operation = World["description"]["document"]["paths"][string][string];

function attemptsAt(method: string, template: string, operation: Operation): Attempt[] {
  const { parameters = [], requestBody } = operation;
  const path = template.replace("/api/v1", "");
  const anywhere = filled(path);
  const schema = requestBody?.content["application/json"]?.schema;
  const body = schema && exampleOf(schema);
  const inBody = Object.entries(propertiesOf(schema)).flatMap(([field, one]) =>
    [...outside(one)].map((value) => ({ method, path: anywhere, body: { ...body, [field]: value }, field })),
  );
  const inPathAndQuery = parameters
    // It is looked up before anything else, and there is none of that length.
    .filter(({ name }) => name !== "team" || !path.includes("{team}"))
    .flatMap(({ name: field, in: part, schema: one }) =>
      [...outside(one)].map((value) => {
        const text = encodeURIComponent(String(value));
        const isQuery = part === "query";
        return {
          method,
          path: isQuery ? `${anywhere}?${field}=${text}` : filled(path.replace(`{${field}}`, text)),
          body,
          field,
        };
      }),
    );
  return [
    ...inBody,
    ...inPathAndQuery,
    ...(schema ? [{ method, path: anywhere, body: { ...body, other: 1 }, field: "other" }] : []),
    ...(parameters.some((one) => one.in === "query")
      ? [{ method, path: `${anywhere}?other=1`, body, field: "other" }]
      : []),
  ];
}

function filled(path: string): string {
  return path.replace("{team}", "web").replaceAll(/{\w+}/g, "1");
}

function exampleOf(schema: Schema): object {
  const [example] = (schema.examples as object[] | undefined) ?? [];
  const required = (schema.required as string[] | undefined) ?? [];
  return (
    example ??
    Object.fromEntries(
      required.map((name) => [name, (propertiesOf(schema)[name]?.enum as string[] | undefined)?.[0] ?? "x"]),
    )
  );
}

function propertiesOf(schema: Schema | undefined): Record<string, Schema> {
  return (schema?.properties as Record<string, Schema> | undefined) ?? {};
}

interface Keywords {
  type?: string;
  enum?: unknown;
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
}

/** Values that a schema does not take, with one mistake each. */
function* outside(schema: Schema): Generator<unknown> {
  const { type, anyOf = [], items, minimum, maximum, maxLength, minLength, ...more } = schema as Keywords;
  if (more.enum !== undefined) yield "none-of-these";
  if (type === "integer") yield* ["x", 1.5];
  if (type === "boolean") yield "maybe";
  if (minimum !== undefined) yield minimum - 1;
  // A number has no odd neighbours beyond the largest that is safe.
  if (maximum !== undefined) yield maximum + (maximum === Number.MAX_SAFE_INTEGER ? 3 : 1);
  if (maxLength !== undefined) yield "x".repeat(maxLength + 1);
  if (minLength) yield "x".repeat(minLength - 1);
  if (more.pattern !== undefined) yield "\n";
  if (more.format === "date-time") yield "2027-02-30T00:00:00Z";
  if (more.maxItems !== undefined) yield Array.from({ length: more.maxItems + 1 }, () => "x");
  if (items) for (const value of outside(items)) yield [value];
  for (const [name, one] of Object.entries(propertiesOf(schema)))
    for (const value of outside(one)) yield { [name]: value };
  for (const one of anyOf) if (one.type !== "null") yield* outside(one);
}
