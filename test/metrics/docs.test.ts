import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Described } from "../../src/metrics/board.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { type RunningLarder, startLarder } from "../larder.ts";
import { TurboClient } from "../protocols/turbo/client.ts";
import type { Family } from "./exposition.ts";
import { metricsToken, scrape } from "./metrics-client.ts";
import { isAddedLabel, usesOf } from "./promql.ts";

const docs = join(import.meta.dir, "../../docs");
const page = await Bun.file(join(docs, "metrics.md")).text();
const dashboard = await Bun.file(join(docs, "grafana/larder.json")).json();
const alerts = Bun.YAML.parse(await Bun.file(join(docs, "alerts.yml")).text()) as {
  groups: { rules: { alert: string; expr: string; labels: object; annotations: Record<string, string> }[] }[];
};
const rules = alerts.groups.flatMap((group) => group.rules);
// What they are read from does not matter here.
const described = new Metrics({} as never).described;

let larder: RunningLarder;
let shown: Map<string, Family>;

beforeAll(async () => {
  larder = await startLarder({ env: { LARDER_METRICS_TOKEN: metricsToken } });
  const client = new TurboClient(larder.url, larder.firstToken);
  await client.put("a", "x");
  await (await client.get("a")).text();
  shown = await scrape(larder);
});
afterAll(() => larder[Symbol.asyncDispose]());

test("the server shows what it says that there is, with these labels and no others", () => {
  expect([...shown].map(([name, { type }]) => ({ name, type }))).toEqual(
    described.map(({ name, type }) => ({ name, type })),
  );
  for (const { name, labels } of described) {
    for (const sample of shown.get(name)?.samples ?? []) {
      const { le: _, ...own } = sample.labels;
      expect([name, ...Object.keys(own).sort()]).toEqual([name, ...[...labels].sort()]);
    }
  }
});

test("the page has every metric once, with its type and labels, and no other", () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|([^|]*)\| ([^|]+) \|([^|]*)\|$/gm)];
  const told = rows.map(([, name, type, labels = ""]) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
  }));
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
    (a.name ?? "").localeCompare(b.name ?? "");
  expect(told.sort(byName)).toEqual(
    described.map(({ name, type, labels }) => ({ name, type, labels: [...labels] })).sort(byName),
  );
});

const panels = dashboard.panels.filter(({ type }: { type: string }) => type !== "row");
const expressions: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [`the alert ${alert}`, expr]),
  ...panels.flatMap(({ title, targets }: { title: string; targets: { expr: string }[] }) =>
    targets.map(({ expr }): [string, string] => [`the panel "${title}"`, expr]),
  ),
  ...dashboard.templating.list
    .filter(({ type }: { type: string }) => type === "query")
    .map(({ name, query }: { name: string; query: { query: string } }): [string, string] => [
      `the choice of ${name}`,
      query.query,
    ]),
];

test.each(expressions)("%s uses metrics and labels that there are", (_, expression) => {
  const { metrics, groupedBy } = usesOf(expression);
  const used = metrics.map(({ metric, labels }) => {
    const found = describedAs(metric);
    expect({ metric, isThere: found !== undefined }).toEqual({ metric, isThere: true });
    const known = labelsOf(found as Described, metric);
    for (const label of labels) expect([metric, label, known(label)]).toEqual([metric, label, true]);
    return known;
  });
  for (const label of groupedBy) expect([label, used.some((known) => known(label))]).toEqual([label, true]);
});

test("every metric is on the dashboard, but those that nobody looks at for long", () => {
  const used = new Set(
    expressions.flatMap(([, expression]) => usesOf(expression).metrics.map(({ metric }) => metric)),
  );
  const unused = described.filter(
    ({ name, type }) => !used.has(name) && !(type === "histogram" && used.has(`${name}_bucket`)),
  );
  expect(unused.map(({ name }) => name)).toEqual([
    "larder_uploads_total",
    "larder_verify_round_blobs",
    "larder_verify_round_start_time_seconds",
    "larder_sessions",
  ]);
});

test("the legends and texts of dashboard and alerts name labels that their metrics have", () => {
  for (const { targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const { metrics, groupedBy } = usesOf(expr);
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        const isThere =
          groupedBy.has(label) || metrics.some(({ metric }) => describedAs(metric)?.labels.includes(label));
        expect([expr, label, isThere]).toEqual([expr, label, true]);
      }
    }
  }
  for (const { alert, expr, annotations } of rules) {
    const { metrics } = usesOf(expr);
    for (const [, label = ""] of JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)) {
      const isThere =
        isAddedLabel(label) || metrics.some(({ metric }) => describedAs(metric)?.labels.includes(label));
      expect([alert, label, isThere]).toEqual([alert, label, true]);
    }
  }
});

test("every alert has a severity, and says what to do", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, labels, annotations } of rules) {
    expect(["critical", "warning"]).toContain((labels as { severity: string }).severity);
    expect([alert, Object.keys(annotations)]).toEqual([alert, ["summary", "description"]]);
  }
});

test("every panel has a place of its own", () => {
  const taken = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect([title, x, y, taken.has(`${x} ${y}`)]).toEqual([title, x, y, false]);
        taken.add(`${x} ${y}`);
      }
    }
  }
  expect(new Set(dashboard.panels.map(({ id }: { id: number }) => id)).size).toBe(dashboard.panels.length);
});

test.each([
  "rate(larder_requests_total{nothing=~}[5m])",
  "frobnicate(larder_requests_total)",
  "sum(rate(x[5 minutes]))",
  "1 + 1",
])("an expression that is not understood is none: %s", (expression) => {
  const understood = () => {
    const { metrics } = usesOf(expression);
    return metrics.every(({ metric, labels }) => {
      const found = describedAs(metric);
      return found && [...labels].every(labelsOf(found, metric));
    });
  };
  let isUnderstood = false;
  try {
    isUnderstood = understood();
  } catch {}
  expect(isUnderstood).toBe(false);
});

function describedAs(metric: string): Described | undefined {
  return described.find(
    ({ name, type }) =>
      name === metric ||
      (type === "histogram" && [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(metric)),
  );
}

function labelsOf({ type, labels }: Described, metric: string): (label: string) => boolean {
  return (label) =>
    labels.includes(label) ||
    isAddedLabel(label) ||
    (label === "le" && type === "histogram" && metric.endsWith("_bucket"));
}
