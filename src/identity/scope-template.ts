import { Refusal } from "../refusal.ts";
import { checkScope, trustedWord } from "./scope.ts";

const maxScopeLength = 100;
const hashLength = 32;

type Part = { kind: "text"; text: string } | { kind: "value"; name: string };

/** A scope with places for values, such as `pr-{number}`. Without any parts it stands for trusted work. */
export type ScopeTemplate = readonly Part[];

/**
 * Reads `pr-{number}`. It begins with text, and has text with - or _ between two values, so that no two sets of values make
 * the same scope.
 * @throws Refusal `bad_request`.
 */
export function parseScopeTemplate(template: string): ScopeTemplate {
  const parts = [...template.matchAll(/\{([^{}]+)\}|([A-Za-z0-9_-]+)|(.)/gs)].map(
    ([, name, text, other]): Part => {
      if (other !== undefined) {
        throw new Refusal(
          "bad_request",
          "A scope has letters, digits, - and _, and names of values in braces, such as pr-{number}.",
        );
      }
      return name === undefined ? { kind: "text", text: text as string } : { kind: "value", name };
    },
  );
  if (parts.length === 0) return parts;
  const [first] = parts;
  if (first?.kind !== "text" || !/^[A-Za-z0-9]/.test(first.text)) {
    throw new Refusal(
      "bad_request",
      "A scope begins with a letter or digit of its own, such as pr-{number}.",
    );
  }
  if (template === trustedWord || template.length > maxScopeLength) {
    throw new Refusal(
      "bad_request",
      `A scope has at most ${maxScopeLength} characters, and is not called "trusted".`,
    );
  }
  let separated = true;
  for (const part of parts) {
    if (part.kind === "text") separated ||= /[_-]/.test(part.text);
    else if (!separated) throw new Refusal("bad_request", "A scope has - or _ between two values in braces.");
    else separated = false;
  }
  return parts;
}

/** The names of the values that it takes. */
export function valueNames(template: ScopeTemplate): string[] {
  return template.flatMap((part) => (part.kind === "value" ? [part.name] : []));
}

/**
 * The scope for these values; different values never give the same one.
 * @param valueNamed undefined for one that is not there. An empty one counts as such.
 * @returns undefined if a value is missing, or if it would be called `trusted`: then there is no scope, and never the trusted
 *   one instead.
 */
export function fillScope(
  template: ScopeTemplate,
  valueNamed: (name: string) => string | undefined,
): string | undefined {
  const isSingle = valueNames(template).length <= 1;
  let scope = "";
  for (const part of template) {
    const value = part.kind === "value" ? valueNamed(part.name) : undefined;
    if (part.kind === "text") scope += part.text;
    else if (!value) return undefined;
    else scope += labelSafe(value, isSingle);
  }
  if (scope === trustedWord) return undefined;
  const short = scope.length <= maxScopeLength ? scope : shortened(scope);
  checkScope(short);
  return short;
}

/** A character, or a run of one or more of those that fit. */
export type LabelPart = string | RegExp;

/** What the scopes of a template look like, as long as they are not shortened, where some values are known. */
export function labelParts(
  template: ScopeTemplate,
  valueNamed: (name: string) => string | undefined,
): LabelPart[] {
  const isSingle = valueNames(template).length <= 1;
  return template.flatMap((part): LabelPart[] => {
    if (part.kind === "text") return [...part.text];
    const value = valueNamed(part.name);
    if (value !== undefined) return [...labelSafe(value, isSingle)];
    return [isSingle ? /[A-Za-z0-9._-]/ : /[A-Za-z0-9.]/];
  });
}

/** What a label does not allow becomes a dot and its bytes in hex, and so does the dot. */
function labelSafe(value: string, isSingle: boolean): string {
  // Where there are several values, - and _ tell where one ends.
  const unsafe = isSingle ? /[^A-Za-z0-9_-]/gu : /[^A-Za-z0-9]/gu;
  return value.replaceAll(unsafe, (character) => {
    const bytes = new TextEncoder().encode(character.isWellFormed() ? character : loneSurrogate(character));
    return [...bytes].map((byte) => `.${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

/** Half a character has no bytes of its own, and must not look like the other halves. */
function loneSurrogate(character: string): string {
  return `\0${character.charCodeAt(0)}\0`;
}

/** `.h` comes from no value, since an h is no digit of hex. */
function shortened(scope: string): string {
  const hash = Bun.SHA256.hash(scope, "hex").slice(0, hashLength);
  return `${scope.slice(0, maxScopeLength - hashLength - 2)}.h${hash}`;
}
