import { type Html, html } from "../http/html.ts";
import { page } from "../http/page.ts";
import type { ApiDocument, Operation, Schema } from "./openapi.ts";

/** The description of the API for people: complete in itself, and without a script. */
export function apiPage(document: ApiDocument): Response {
  const { info, servers, tags, paths } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags
    .map(({ name, description }) => ({
      name,
      description,
      routes: operations.filter(({ operation }) => operation.tags?.includes(name)),
    }))
    .filter(({ routes }) => routes.length > 0);
  return page({
    title: "API",
    isWide: true,
    body: html`<p><a href="dashboard">To the dashboard</a></p>
<h1>The API of larder ${info.version}</h1>
${info.description.split("\n\n").map((paragraph) => html`<p>${withCode(paragraph)}</p>\n`)}
<p>It is at <code>${servers[0]?.url}</code>, and described for programs in <a href="openapi.json">openapi.json</a> (OpenAPI).</p>
<nav aria-label="Sections"><ul>${sections.map(({ name, description }) => html`<li><a href="#${idOf(name)}">${name}</a>: ${description}</li>\n`)}</ul></nav>
${sections.map(
  ({ name, routes }) => html`<section aria-labelledby="${idOf(name)}">
<h2 id="${idOf(name)}">${name}</h2>
${routes.map(({ path, method, operation }) => route(path, method, operation))}
</section>`,
)}`,
  });
}

function route(path: string, method: string, operation: Operation): Html {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const good = Object.entries(responses).find(([status]) => status.startsWith("2"));
  const answer = (good?.[1] as { content?: Record<string, { schema: Schema }> } | undefined)?.content;
  return html`<h3 id="${operation.operationId}"><code>${method.toUpperCase()} ${path}</code></h3>
<p>${summary}. ${description && withCode(description)}</p>
${
  parameters.length > 0 &&
  fields(
    "Parameters",
    parameters.map((one) => ({ name: one.name, schema: one.schema, isRequired: one.required, note: one.in })),
  )
}
${body && fields("Body", propertiesOf(body))}
${answer?.["application/json"] && fields(`Answer ${good?.[0]}`, propertiesOf(answer["application/json"].schema))}
`;
}

interface Field {
  name: string;
  schema: Schema;
  isRequired: boolean;
  note?: string;
}

function fields(title: string, all: readonly Field[]): Html {
  return html`<details><summary>${title}</summary><dl>
${all.map(
  ({ name, schema, isRequired, note }) => html`<dt><code>${name}</code></dt>
<dd>${typeText(schema)}${note && html`, in the ${note}`}${!isRequired && ", may be left out"}${
    typeof schema.description === "string" && html`: ${withCode(schema.description)}`
  }</dd>
`,
)}</dl></details>`;
}

/** With those of what lies in it, as `items[].id`. */
function propertiesOf(schema: Schema, prefix = ""): Field[] {
  const required = (schema.required ?? []) as string[];
  return Object.entries((schema.properties ?? {}) as Record<string, Schema>).flatMap(([name, one]) => {
    const inner = (one.items as Schema | undefined) ?? one;
    const path = `${prefix}${name}`;
    const isList = one.items !== undefined;
    return [
      { name: path, schema: one, isRequired: required.includes(name) },
      ...(inner.properties ? propertiesOf(inner, `${path}${isList ? "[]" : ""}.`) : []),
    ];
  });
}

function typeText(schema: Schema): string {
  const {
    type,
    format,
    anyOf,
    items,
    enum: words,
  } = schema as {
    type?: string | string[];
    format?: string;
    anyOf?: Schema[];
    items?: Schema;
    enum?: unknown[];
  };
  if (words) return words.map(String).join(" | ");
  if (anyOf) return [...new Set(anyOf.map(typeText))].join(" | ");
  if (items) return `list of ${typeText(items)}`;
  const types = [type ?? "anything"].flat();
  return types.map((one) => (one === "null" ? one : (format ?? one))).join(" | ");
}

/** Text in which what stands between backticks is code. */
function withCode(text: string): Html[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function idOf(name: string): string {
  return name.toLowerCase().replaceAll(" ", "-");
}
