import { withoutSecrets } from "../without-secrets.ts";

/** Enough for what larder writes itself; what a CI job claims of itself has no length of its own. */
const maxCharacters = 2_000;
const maxTextLength = 256;
const maxDepth = 4;
/** What stands between two values in JSON, and quotes them. */
const separators = 6;

/**
 * The same without secrets, and cut down to what a row may hold: longer texts end with an ellipsis, and of too many values the
 * last are left out, which `truncated` then tells.
 */
export function boundedDetails(
  details: Record<string, unknown> | undefined,
  characters = maxCharacters,
): Record<string, unknown> | null {
  if (details === undefined) return null;
  const cut = new Cut(characters);
  const bounded = cut.value(details, 0) as Record<string, unknown>;
  return cut.isTruncated ? { ...bounded, truncated: true } : bounded;
}

/** No longer than `maxLength`; whoever reads it sees where something is missing. Secrets are left out. */
export function boundedText(text: string, maxLength = maxTextLength): string {
  const shown = withoutSecrets(text);
  return shown.length <= maxLength ? shown : `${shown.slice(0, maxLength - 1).toWellFormed()}…`;
}

class Cut {
  isTruncated = false;

  constructor(private left: number) {}

  value(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) {
      this.left -= String(value).length;
      return value;
    }
    if (depth === maxDepth) {
      this.isTruncated = true;
      return null;
    }
    const entries = Object.entries(value);
    const kept: [string, unknown][] = [];
    for (const [key, each] of entries) {
      const name = Array.isArray(value) ? key : boundedText(key, 100);
      this.left -= name.length + separators;
      if (this.left <= 0) break;
      kept.push([name, this.value(each, depth + 1)]);
    }
    if (kept.length < entries.length) this.isTruncated = true;
    return Array.isArray(value) ? kept.map(([, each]) => each) : Object.fromEntries(kept);
  }

  private text(text: string): string {
    const bounded = boundedText(text, Math.max(1, Math.min(maxTextLength, this.left)));
    // As it will stand in JSON, where a control character takes six.
    this.left -= JSON.stringify(bounded).length;
    return bounded;
  }
}
