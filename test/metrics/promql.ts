/*
 * As much of PromQL as tells which metrics and labels an expression uses. Whatever it does not know is an error, so that nothing
 * slips through.
 */

const functions = new Set(
  "absent changes clamp_max clamp_min histogram_quantile increase label_values max min rate sum avg count time topk".split(
    " ",
  ),
);
const operators = new Set(["and", "or", "unless"]);
/** Followed by labels in brackets. */
const groupings = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
/** Prometheus adds them to whatever it scrapes. */
const addedLabels = new Set(["instance", "job"]);

const token =
  /\s+|(?<string>"(?:[^"\\]|\\.)*")|(?<range>\[(?:\d+[smhdw]|\$__rate_interval|\$__range)\])|(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<number>\d+(?:\.\d+)?)|(?<symbol>=~|!~|!=|>=|<=|[-+*/(){},=<>])/y;

export interface Used {
  metric: string;
  labels: Set<string>;
}

/**
 * Each metric that is named, with the labels that it is chosen by, and under no metric's name those by which results are grouped
 * or matched.
 */
export function usesOf(expression: string): { metrics: Used[]; groupedBy: Set<string> } {
  const tokens = tokensOf(expression);
  const metrics: Used[] = [];
  const groupedBy = new Set<string>();
  for (let index = 0; index < tokens.length; index++) {
    const { kind, text } = tokens[index] as Token;
    if (kind !== "name" || operators.has(text)) continue;
    const next = tokens[index + 1]?.text;
    if (groupings.has(text)) {
      index = namesUntil(tokens, index + 1, ")", (name) => groupedBy.add(name));
    } else if (next === "(") {
      if (!functions.has(text)) throw new Error(`${text} is no function that is known here: ${expression}`);
      // The one function whose second argument is the name of a label.
      if (text === "label_values") groupedBy.add((tokens[index + 4] as Token).text);
      if (text === "label_values") tokens.splice(index + 3, 2);
    } else if (functions.has(text)) {
      // An aggregation with its grouping in front.
      if (!groupings.has(next ?? "")) throw new Error(`${text} without brackets: ${expression}`);
    } else {
      const labels = new Set<string>();
      if (next === "{") index = namesUntil(tokens, index + 1, "}", (name) => labels.add(name));
      metrics.push({ metric: text, labels });
    }
  }
  if (metrics.length === 0) throw new Error(`No metric at all: ${expression}`);
  return { metrics, groupedBy };
}

/** Whether a label may be used that larder does not give itself. */
export function isAddedLabel(label: string): boolean {
  return addedLabels.has(label);
}

interface Token {
  kind: "string" | "range" | "name" | "number" | "symbol";
  text: string;
}

function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < expression.length) {
    const at = token.lastIndex;
    const groups = token.exec(expression)?.groups;
    if (!groups) throw new Error(`What is this: ${expression.slice(at)}`);
    const [kind, text] = Object.entries(groups).find(([, text]) => text !== undefined) ?? [];
    if (kind && text) tokens.push({ kind: kind as Token["kind"], text });
  }
  return tokens;
}

/** @returns the place of the closing bracket. */
function namesUntil(
  tokens: readonly Token[],
  open: number,
  close: string,
  onName: (name: string) => void,
): number {
  for (let index = open + 1; index < tokens.length; index++) {
    const { kind, text } = tokens[index] as Token;
    if (text === close) return index;
    if (kind === "name") onName(text);
  }
  throw new Error(`${close} is missing.`);
}
