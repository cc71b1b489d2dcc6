/** A metric as the text format of Prometheus (0.0.4) has it. */
export interface Family {
  type: "counter" | "gauge" | "histogram";
  help: string;
  samples: Sample[];
}

export interface Sample {
  /** The family's, or with what a histogram adds to it. */
  name: string;
  labels: Record<string, string>;
  value: number;
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;

/** Takes nothing but what the format allows, and what its naming rules advise. @throws Error naming the line. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end.");
  const families = new Map<string, Family>();
  let current: { name: string; help: string; family: Family | undefined } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${JSON.stringify(line)}`);
    };
    if (line === "") continue;
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      if (!metricName.test(name)) fail("no name of a metric");
      if (families.has(name)) fail("a family a second time");
      if (/\\(?![\\n])/.test(rest)) fail("a wrong escape");
      current = { name, help: rest, family: undefined };
    } else if (keyword === "TYPE") {
      if (current?.name !== name || current.family) fail("a type that does not follow its help");
      if (rest !== "counter" && rest !== "gauge" && rest !== "histogram") return fail("an unknown type");
      if ((rest === "counter") !== name.endsWith("_total")) fail("counters and nothing else end with _total");
      const family: Family = { type: rest, help: current?.help as string, samples: [] };
      families.set(name, family);
      current = { ...(current as { name: string; help: string }), family };
    } else if (line.startsWith("#")) {
      fail("a comment");
    } else {
      const [, sampleName = "", labels = "", value = ""] = sampleLine.exec(line) ?? fail("no sample");
      const family = current?.family ?? fail("a sample without a type");
      const endings = family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!endings.some((ending) => sampleName === current?.name + ending))
        fail("a sample of another family");
      const sample = { name: sampleName, labels: parseLabels(labels, fail), value: parseValue(value, fail) };
      if (family.type === "counter" && !(sample.value >= 0 && Number.isFinite(sample.value)))
        fail("no count");
      if (family.samples.some((other) => seriesOf(other) === seriesOf(sample)))
        fail("a series a second time");
      family.samples.push(sample);
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

/** The one value of a metric with exactly these labels. @throws Error if there is none. */
export function sampleOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const value = findSample(families, name, labels);
  if (value === undefined) throw new Error(`There is no ${name} with ${JSON.stringify(labels)}.`);
  return value;
}

export function findSample(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = seriesOf({ name, labels, value: 0 });
  const family = families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name);
  return (families.get(name) ?? family)?.samples.find((sample) => seriesOf(sample) === wanted)?.value;
}

function parseLabels(text: string, fail: (what: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const [whole, name = "", value = ""] = label.exec(rest) ?? fail("a wrong label");
    if (name in labels) fail("a label a second time");
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
    rest = rest.slice((whole as string).length);
  }
  return labels;
}

function parseValue(text: string, fail: (what: string) => never): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) fail("no number");
  return Number(text);
}

function seriesOf({ name, labels }: Sample): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => a.localeCompare(b))]);
}

/** Buckets grow, in the order of their bounds, up to the count of all. */
function checkHistogram(name: string, { samples }: Family): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) =>
      le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le),
    );
    const counts = buckets.map(({ value }) => value);
    const isGrowing = (numbers: number[]) =>
      numbers.every((number, index) => number >= (numbers[index - 1] ?? Number.NEGATIVE_INFINITY));
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    const sum = group.find((sample) => sample.name === `${name}_sum`)?.value;
    if (
      !isGrowing(bounds) ||
      new Set(bounds).size !== bounds.length ||
      !isGrowing(counts) ||
      bounds.at(-1) !== Number.POSITIVE_INFINITY ||
      count === undefined ||
      counts.at(-1) !== count ||
      sum === undefined
    )
      throw new Error(`The histogram ${name} of ${labels} is none.`);
  }
}
