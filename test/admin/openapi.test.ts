import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Schema } from "../../src/admin/openapi.ts";
import { openWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => await world?.[Symbol.asyncDispose]());

test("the description names every route once, says what each is for and what may go wrong, and is there for anybody", async () => {
  const { document } = world.description;
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations.length).toBeGreaterThan(35);
  const names = operations.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  const tags = document.tags.map(({ name }) => name);
  for (const { path, method, operation } of operations) {
    expect(path).toStartWith("/api/v1/");
    expect(operation.summary).toBeString();
    expect(tags).toContain(operation.tags?.[0] as string);
    expect(Object.keys(operation.responses)).toContainValues([
      "400",
      "401",
      "403",
      "404",
      "409",
      "429",
      "500",
    ]);
    const [good] = Object.keys(operation.responses).filter((status) => status.startsWith("2"));
    expect(good).toBeString();
    const inPath = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
    expect((operation.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name)).toEqual(
      inPath as string[],
    );
    if (operation.requestBody)
      expect(operation.requestBody.content["application/json"]?.schema.type).toBe("object");
    expect(["get", "delete"].includes(method) && operation.requestBody !== undefined).toBe(false);
  }
  const again = await fetch(`${world.larder.url}/api/v1/openapi.json`);
  expect(await again.json()).toEqual(document);
});

/** The places of a schema where a text of any length may stand, and a list of any. */
function boundless(schema: Schema, place: string): string[] {
  const {
    type,
    items,
    anyOf = [],
    properties = {},
    patternProperties = {},
  } = schema as Record<string, never>;
  const isBounded = ["maxLength", "enum", "const", "pattern"].some(
    (keyword) => schema[keyword] !== undefined,
  );
  const inner: [string, Schema][] = [
    ...Object.entries<Schema>(properties),
    ...Object.entries<Schema>(patternProperties),
    ...Object.entries<Schema>(anyOf),
    ...(items ? [["[]", items] as [string, Schema]] : []),
  ];
  return [
    ...(type === "string" && !isBounded ? [place] : []),
    ...(type === "array" && schema.maxItems === undefined ? [place] : []),
    ...inner.flatMap(([name, one]) => boundless(one, `${place}.${name}`)),
  ];
}

test("every text and every list of a request has a bound", () => {
  const places = Object.entries(world.description.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [], requestBody }]) => [
      ...parameters.flatMap(({ name, schema }) => boundless(schema, `${method} ${path} ${name}`)),
      ...boundless(requestBody?.content["application/json"]?.schema ?? {}, `${method} ${path}`),
    ]),
  );
  expect(places).toEqual([]);
  // What has none is found.
  const open = { type: "object", properties: { names: { type: "array", items: { type: "string" } } } };
  expect(boundless(open, "body")).toEqual(["body.names", "body.names.[]"]);
});

test("the examples of bodies are what their schemas take", async () => {
  for (const [path, methods] of Object.entries(world.description.document.paths)) {
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const examples = requestBody?.content["application/json"]?.schema.examples as object[] | undefined;
      for (const example of examples ?? []) {
        const route = path
          .replace("/api/v1", "")
          .replace(/{(team)}/, "default")
          .replace(/{\w+}/, "nothing");
        const { json, status } = await world.admin.send(method.toUpperCase(), route, example);
        // Some of what it names is not here, or is already; what it says is no bad request.
        const isUnderstood = [200, 201, 404, 409].includes(status);
        expect({ route, message: json.message, isUnderstood }).toMatchObject({ isUnderstood: true });
      }
    }
  }
});

test("the page shows every route to people, needs no script, and asks nobody else for anything", async () => {
  const page = await fetch(`${world.larder.url}/api`);
  const text = await page.text();
  const policy = page.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("script-src");
  expect(text).not.toContain("<script");
  expect(text.match(/(?:src|href)="https?:/g)).toBeNull();
  for (const [path, methods] of Object.entries(world.description.document.paths))
    for (const method of Object.keys(methods))
      expect(text).toContain(`${method.toUpperCase()} ${path}</code>`);
  expect(text).toContain("<dd>object | null: null for a token that is of no user");
  expect(text).not.toMatch(/<dd>[^<]*\w(?:null|undefined)\b/);
  const [, back] = /<a href="([^"]+)">To the dashboard/.exec(text) ?? [];
  expect(new URL(back as string, page.url).href).toBe(`${world.larder.url}/dashboard`);
  const { status, headers } = await fetch(`${world.larder.url}/api`, { method: "POST" });
  expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("a word that may be null is described so", () => {
  const { paths } = world.description.document;
  const bodies = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ requestBody }) => requestBody),
  );
  expect(JSON.stringify(bodies)).toContain('"enum":["owner","member","viewer",null]');
});
