import { Refusal } from "../refusal.ts";

/** What a schema did not take, as Elysia throws it (1.4). */
interface NotValid {
  /** The part of the request. */
  type: string;
  valueError?: { path: string; message: string; value: unknown; schema: Schema } | undefined;
}

/** As far as it is shown to people (JSON Schema). */
interface Schema {
  /** The field, of a number in a path or a query: which one it is, Elysia does not tell where it reads numbers. */
  title?: string;
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  description?: string;
}

const maxChoices = 12;

const partNames: Record<string, string> = {
  body: "The body",
  query: "The query",
  params: "The path",
  headers: "The header",
};

/** Says which field of a request is wrong, and what it takes. What was sent is not repeated: it may be a secret. */
export function validationRefusal({ type, valueError }: NotValid): Refusal {
  const part = partNames[type] ?? "The request";
  if (!valueError) return new Refusal("bad_request", `${part} is not what this route takes; see /api.`);
  const { path, schema, value, message } = valueError;
  const field = path === "" ? (schema.title ?? "") : path.split("/").slice(1).join(".");
  if (type === "body" && field === "" && value === null)
    return new Refusal("bad_request", "The request has no body; send JSON.");
  const subject = field === "" ? part : `${part}'s field "${field}"`;
  if (value === undefined && field !== "") {
    return new Refusal("bad_request", `${subject} is missing. It takes ${taken(schema)}.`);
  }
  if (/unexpected property/i.test(message)) {
    return new Refusal(
      "bad_request",
      `${subject} is none that this route knows; see /api for those that it does.`,
    );
  }
  return new Refusal("bad_request", `${subject} is not allowed as it stands. It takes ${taken(schema)}.`);
}

function taken(schema: Schema): string {
  const { type, enum: choices, anyOf, format, pattern, description } = schema;
  if (choices && choices.length > maxChoices) return "one of the words that /api lists";
  if (choices) return oneOf(choices.map((one) => JSON.stringify(one)));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (anyOf) return oneOf([...new Set(anyOf.filter((one) => !isWrittenForm(one)).map(taken))]);
  const range = rangeOf(schema);
  if (format === "date-time") return "a time such as 2026-11-20T10:00:00Z";
  if (type === "integer" || type === "number") return `a ${type === "integer" ? "whole " : ""}number${range}`;
  if (type === "string") return pattern && description ? description.replace(/\.$/, "") : `a text${range}`;
  if (type === "array")
    return `a list${schema.maxItems === undefined ? "" : ` of at most ${schema.maxItems}`}`;
  if (type === "null") return "null";
  return type === "boolean" ? "true or false" : "a JSON object";
}

/** In a path or a query everything is text: of a number or a switch Elysia's schemas name the text, too. */
function isWrittenForm({ type, format }: Schema): boolean {
  return type === "string" && ["integer", "numeric", "boolean"].includes(format ?? "");
}

function rangeOf({ minimum, maximum, minLength, maxLength }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (minLength !== undefined || maxLength !== undefined) {
    const from = minLength === undefined ? "at most " : `${minLength} to `;
    return maxLength === undefined
      ? ` of at least ${minLength} characters`
      : ` of ${from}${maxLength} characters`;
  }
  return "";
}

function oneOf(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}
