import { expect, test } from "bun:test";
import { findSample, parseExposition, sampleOf } from "./exposition.ts";

test("reads counters, gauges and histograms", () => {
  const families = parseExposition(
    [
      "# HELP a_total A count.",
      "# TYPE a_total counter",
      'a_total{who="a \\"b\\"\\\\\\n,}"} 3',
      "",
      "# HELP b B.",
      "# TYPE b gauge",
      "b -1.5e-7",
      "# HELP c_seconds C.",
      "# TYPE c_seconds histogram",
      'c_seconds_bucket{x="1",le="0.5"} 1',
      'c_seconds_bucket{x="1",le="+Inf"} 2',
      'c_seconds_sum{x="1"} 7',
      'c_seconds_count{x="1"} 2',
      "",
    ].join("\n"),
  );
  expect(sampleOf(families, "a_total", { who: 'a "b"\\\n,}' })).toBe(3);
  expect(sampleOf(families, "b")).toBe(-1.5e-7);
  expect(sampleOf(families, "c_seconds_count", { x: "1" })).toBe(2);
  expect(findSample(families, "b", { x: "1" })).toBeUndefined();
});

const gauge = "# HELP b B.\n# TYPE b gauge\n";
test.each([
  ["an end that is missing", `${gauge}b 1`],
  ["a sample without a type", "b 1\n"],
  ["another family's sample", `${gauge}c 1\n`],
  ["a series twice", `${gauge}b{x="1",y="2"} 1\nb{y="2",x="1"} 1\n`],
  ["a label twice", `${gauge}b{x="1",x="2"} 1\n`],
  ["a family twice", `${gauge}b 1\n${gauge}`],
  ["no number", `${gauge}b NaN\n`],
  ["an unquoted label", `${gauge}b{x=1} 1\n`],
  ["a wrong escape", `${gauge}b{x="\\t"} 1\n`],
  ["two blanks", `${gauge}b  1\n`],
  ["a counter without its ending", "# HELP b B.\n# TYPE b counter\nb 1\n"],
  ["a gauge with a counter's ending", "# HELP b_total B.\n# TYPE b_total gauge\nb_total 1\n"],
  ["a negative count", "# HELP b_total B.\n# TYPE b_total counter\nb_total -1\n"],
  [
    "shrinking buckets",
    '# HELP c C.\n# TYPE c histogram\nc_bucket{le="1"} 2\nc_bucket{le="+Inf"} 1\nc_sum 1\nc_count 1\n',
  ],
  ["a histogram without a sum", '# HELP c C.\n# TYPE c histogram\nc_bucket{le="+Inf"} 1\nc_count 1\n'],
  ["a count of its own", '# HELP c C.\n# TYPE c histogram\nc_bucket{le="+Inf"} 1\nc_sum 1\nc_count 2\n'],
])("does not take %s", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
