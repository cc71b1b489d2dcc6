import type { CaseResult, Measurement, ServerResult, Unit } from "./results.ts";
import { timesBetter } from "./results.ts";
import { mib } from "./scenarios/sizes.ts";
import { verdictsOf } from "./targets.ts";

const headings = [
  "case",
  "server",
  "result",
  "p50 ms",
  "p99 ms",
  "CPU",
  "CPU µs",
  "others",
  "peak MiB",
  "larder is",
  "targets",
];
const rightAligned = new Set([
  "result",
  "p50 ms",
  "p99 ms",
  "CPU",
  "CPU µs",
  "others",
  "peak MiB",
  "larder is",
]);

/**
 * All results as one Markdown table that can also be read as it is: a row for each case and server. `larder is` says
 * how many times better than that server the first larder was. `CPU` is how much of a processor the server used, `CPU µs` its
 * processor time for each request or MiB, `others` how much of a processor all else on the machine used.
 */
export function formatTable(results: CaseResult[]): string {
  const rows = results.flatMap((one) =>
    one.servers.map((server, index) => rowOf(one, server, index === 0, results)),
  );
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: string[]) =>
    `| ${cells
      .map((cell, column) => {
        const width = widths[column] as number;
        return rightAligned.has(headings[column] as string) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(" | ")} |`;
  const rule = widths.map((width, column) =>
    rightAligned.has(headings[column] as string) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  return [headings, rule, ...rows].map(line).join("\n");
}

/** `23 of 25 targets met`, with those that were not. */
export function formatVerdict(results: CaseResult[]): string {
  const verdicts = results.flatMap((one) =>
    one.servers.flatMap((server) =>
      verdictsOf(one, server, results).map(({ target, passed }) => ({
        text: `${one.name}: ${server.server} ${target}`,
        passed,
      })),
    ),
  );
  const met = verdicts.filter(({ passed }) => passed);
  const lines = [`${met.length} of ${verdicts.length} targets met.`];
  const list = (heading: string, some: typeof verdicts) => {
    if (some.length > 0) lines.push("", heading, "", ...some.map(({ text }) => `- ${text}`));
  };
  list(
    "Not met:",
    verdicts.filter(({ passed }) => passed === false),
  );
  list(
    "Not judged, since the peer was not measured or other work disturbed one of them:",
    verdicts.filter(({ passed }) => passed === undefined),
  );
  return lines.join("\n");
}

function rowOf(one: CaseResult, server: ServerResult, isFirst: boolean, all: CaseResult[]): string[] {
  const { median, peakMemoryBytes, note } = server;
  const verdicts = verdictsOf(one, server, all).map(
    ({ target, passed }) => `${passed === undefined ? "not judged:" : passed ? "pass" : "FAIL"} ${target}`,
  );
  return [
    isFirst ? one.name : "",
    server.server,
    median === undefined ? "–" : `${formatFigure(median.value)} ${one.unit}`,
    median?.p50Ms === undefined ? "" : formatFigure(median.p50Ms),
    median?.p99Ms === undefined ? "" : formatFigure(median.p99Ms),
    formatShare(median?.processorShare),
    formatTime(median, one.unit),
    formatShare(median?.othersShare),
    peakMemoryBytes === undefined ? "" : formatFigure(peakMemoryBytes / mib),
    ratioOf(one, server),
    // A note may be a whole log.
    [...verdicts, ...(note === undefined ? [] : [note.split("\n", 1)[0]?.slice(0, 100)])].join("; "),
  ];
}

function ratioOf(one: CaseResult, { server, isLarder, median }: ServerResult): string {
  const ours = one.servers.find((other) => other.isLarder)?.median;
  if (isLarder || ours === undefined || median === undefined || one.scenario === "limit") return "";
  return `${timesBetter(one.unit, ours.value, median.value).toFixed(2)}× ${shortName(server)}`;
}

function formatShare(share: number | undefined): string {
  return share === undefined ? "" : `${Math.round(share * 100)}%`;
}

function formatTime(median: Measurement | undefined, unit: Unit): string {
  if (median?.processorShare === undefined || median.value === 0 || !unit.endsWith("/s")) return "";
  return formatFigure((median.processorShare * 1_000_000) / median.value);
}

function shortName(server: string): string {
  return server.replace("turborepo-remote-cache", "t-r-c");
}

/** Three digits that count, and no more. */
function formatFigure(figure: number): string {
  if (figure >= 1000) return Math.round(figure).toLocaleString("en");
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(figure >= 10 ? 1 : 2);
}
