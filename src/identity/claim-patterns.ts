import { Refusal } from "../refusal.ts";

/*
 * What a policy wants of a claim. A pattern stands for the whole value, and case counts:
 *
 *   `*`         any run of characters but `/` and `:`, also none
 *   `**`        any run of characters, also none
 *   `{name}`    like `*`, but at least one character, which a scope template may use under this name
 *   `{name**}`  the same like `**`
 *   `a|b`       either
 *   `\`         takes the next character as it is
 */

/** Longer values, and lists longer than that together, match nothing: the work is their length times the pattern's. */
const maxValueLength = 2_000;
const maxElements = 50;
const maxPatternLength = 500;
/** More in one pattern are looked at for a long time, and mean nothing to anybody. */
const maxRuns = 20;

type Part =
  | { kind: "text"; text: string }
  /** `isDeep`: whether it runs across `/` and `:`. */
  | { kind: "run"; isDeep: boolean; capture: string | undefined };

/** A pattern that has been read: its alternatives, each a list of parts. */
export type ClaimPattern = readonly (readonly Part[])[];

export type Captures = ReadonlyMap<string, string>;

/**
 * Reads a pattern that is there already.
 * @throws Refusal `bad_request` for a pattern that cannot be.
 */
export function parsePattern(pattern: string): ClaimPattern {
  if (pattern === "" || pattern.length > maxPatternLength) {
    throw new Refusal("bad_request", `A pattern of a claim has 1 to ${maxPatternLength} characters.`);
  }
  const alternatives: Part[][] = [[]];
  for (const token of pattern.matchAll(/\\.|\*\*?|\{[^{}]*\}|\||./gsu)) {
    const parts = alternatives.at(-1) as Part[];
    const [text] = token;
    if (text === "|") alternatives.push([]);
    else if (text.startsWith("*")) parts.push({ kind: "run", isDeep: text === "**", capture: undefined });
    else if (text.length > 1 && text.startsWith("{")) parts.push(captureOf(text, parts));
    else if (text === "{" || text === "}" || text === "\\") throw loneCharacter(text);
    else addText(parts, text.startsWith("\\") ? text.slice(1) : text);
  }
  if (alternatives.some((parts) => parts.length === 0)) {
    throw new Refusal(
      "bad_request",
      "A pattern has something on both sides of each |. \\| stands for the sign.",
    );
  }
  return alternatives;
}

/** @throws Refusal `bad_request` for one that would cost too much to look at again and again. */
export function checkPatternCost(pattern: ClaimPattern): void {
  const runs = pattern.flat().filter((part) => part.kind === "run").length;
  if (runs <= maxRuns) return;
  throw new Refusal(
    "bad_request",
    `A pattern has at most ${maxRuns} parts that vary (*, ** or a name in braces); this one has ${runs}.`,
  );
}

function captureOf(text: string, before: readonly Part[]): Part {
  const [, capture, stars] = /^\{([A-Za-z][A-Za-z0-9_]{0,49})(\*\*)?\}$/.exec(text) ?? [];
  if (capture === undefined) {
    throw new Refusal(
      "bad_request",
      "A name in braces begins with a letter, and has letters, digits and _ only, such as {number} or {branch**}.",
    );
  }
  if (before.some((part) => part.kind === "run" && part.capture === capture))
    throw new Refusal("bad_request", `{${capture}} stands twice in a pattern; give each part its own name.`);
  return { kind: "run", isDeep: stars !== undefined, capture };
}

function loneCharacter(text: string): Refusal {
  return new Refusal(
    "bad_request",
    `The ${text} in a pattern stands alone. \\${text} stands for the sign itself.`,
  );
}

function addText(parts: Part[], text: string): void {
  const last = parts.at(-1);
  if (last?.kind === "text") last.text += text;
  else parts.push({ kind: "text", text });
}

/** The values that a pattern stands for, if it names each to the letter. */
export function literalAlternatives(pattern: string): string[] | undefined {
  const alternatives = parsePattern(pattern).map((parts) =>
    parts.every((part) => part.kind === "text") ? parts.map((part) => part.text).join("") : undefined,
  );
  return alternatives.every((text) => text !== undefined) ? alternatives : undefined;
}

/** The names of all parts in braces. */
export function captureNames(pattern: ClaimPattern): string[] {
  return pattern.flatMap((parts) =>
    parts.flatMap((part) => (part.kind === "run" && part.capture !== undefined ? [part.capture] : [])),
  );
}

/** How the values begin for which an alternative of the pattern stands; `isWhole` where there is but this one. */
export function beginnings(pattern: ClaimPattern): { text: string; isWhole: boolean }[] {
  return pattern.map(([first, ...rest]) => ({
    text: first?.kind === "text" ? first.text : "",
    isWhole: first?.kind === "text" && rest.length === 0,
  }));
}

/**
 * What the names in braces stand for, if the claim's value matches, else undefined. Of a list any element may match; a number
 * or a truth value counts as its text, and an object never matches.
 */
export function matchClaim(pattern: ClaimPattern, value: unknown): Captures | undefined {
  if (isTooLong(value)) return undefined;
  for (const element of Array.isArray(value) ? value : [value]) {
    const text = claimText(element);
    const captures = text === undefined ? undefined : matchText(pattern, text);
    if (captures) return captures;
  }
  return undefined;
}

/** A claim as text, if it is a single value. */
export function claimText(value: unknown): string | undefined {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}

/** Whether a value is not looked at for its length. */
export function isTooLong(value: unknown): boolean {
  const elements = Array.isArray(value) ? value : [value];
  if (elements.length > maxElements) return true;
  let length = 0;
  for (const element of elements) length += claimText(element)?.length ?? 0;
  return length > maxValueLength;
}

function matchText(pattern: ClaimPattern, text: string): Captures | undefined {
  for (const parts of pattern) {
    const captures = matchParts(parts, text);
    if (captures) return captures;
  }
  return undefined;
}

/**
 * Looks at each pair of a part and a position once, from the end, so that no value can make it slow, as it could with a
 * regular expression; then walks forward, where each run takes as little as it may.
 */
function matchParts(parts: readonly Part[], text: string): Captures | undefined {
  /** Whether the parts from this one on match the text from this position on. */
  const fits = parts.map(() => new Uint8Array(text.length + 1));
  const fitsAt = (part: number, position: number) =>
    part === parts.length ? position === text.length : fits[part]?.[position] === 1;
  for (let index = parts.length - 1; index >= 0; index--) {
    const part = parts[index] as Part;
    const row = fits[index] as Uint8Array;
    if (part.kind === "text") {
      for (let at = 0; at + part.text.length <= text.length; at++)
        row[at] = Number(fitsAt(index + 1, at + part.text.length) && text.startsWith(part.text, at));
      continue;
    }
    // Whether it fits when the run has begun: it ends here, or takes one character more.
    let fitsWithin = false;
    for (let at = text.length; at >= 0; at--) {
      const canTake = at < text.length && isTaken(part, text, at);
      const takes: boolean = canTake && fitsWithin;
      fitsWithin = fitsAt(index + 1, at) || takes;
      row[at] = Number(part.capture === undefined ? fitsWithin : takes);
    }
  }
  return fitsAt(0, 0) ? walk(parts, text, fitsAt) : undefined;
}

function walk(
  parts: readonly Part[],
  text: string,
  fitsAt: (part: number, position: number) => boolean,
): Captures {
  const captures = new Map<string, string>();
  let at = 0;
  for (const [index, part] of parts.entries()) {
    if (part.kind === "text") {
      at += part.text.length;
      continue;
    }
    let end = part.capture === undefined ? at : at + 1;
    while (!fitsAt(index + 1, end)) end++;
    if (part.capture !== undefined) captures.set(part.capture, text.slice(at, end));
    at = end;
  }
  return captures;
}

function isTaken(part: Part & { kind: "run" }, text: string, at: number): boolean {
  return part.isDeep || (text[at] !== "/" && text[at] !== ":");
}
