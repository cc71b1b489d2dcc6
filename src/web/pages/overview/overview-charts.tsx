import { lazy, type ReactNode, Suspense, useId, useMemo, useState } from "react";
import { roundSize, roundTime } from "../../../units.ts";
import type { Overview } from "../../api/types.ts";
import { formatCount, formatExactCount } from "../../format/count.ts";
import {
  formatClock,
  formatDay,
  formatDays,
  formatHours,
  formatMonth,
  formatWeekday,
} from "../../format/time.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { type Bin, binsOf, type Charted, dayStarts, monthStarts } from "./bins.ts";
import type { ChartPart, ChartProps } from "./stacked-chart.tsx";
import type { Quantity } from "./ticks.ts";

// More than half of all the dashboard's bytes, which the rest of the page does not wait for.
const StackedChart = lazy(async () => ({ default: (await import("./stacked-chart.tsx")).StackedChart }));

const dayMs = 86_400_000;

interface Kind {
  title: string;
  intro: string;
  quantity: Quantity;
  parts: readonly ChartPart[];
  /** What a glance at one of the parts tells. */
  summary: (part: ChartPart, bins: readonly Bin[]) => string;
}

const formats: Record<Quantity, Pick<ChartProps, "format" | "axisFormat">> = {
  count: { format: known(formatExactCount), axisFormat: formatCount },
  duration: { format: known(roundTime), axisFormat: roundTime },
  size: { format: known(roundSize), axisFormat: roundSize },
};

const tasks: Kind = {
  title: "Tasks",
  intro: "Answered by the cache here or on the machine itself, or run anew.",
  quantity: "count",
  parts: [
    part("Remote hits", "remote", "remoteHits"),
    part("Local hits", "local", "localHits"),
    part("Misses", "missed", "remoteMisses"),
  ],
  summary: summed("count"),
};
const saved: Kind = {
  title: "Time saved",
  intro: "What the tasks once took that did not run again.",
  quantity: "duration",
  parts: [part("Remote", "remote", "remoteSavedMs"), part("Local", "local", "localSavedMs")],
  summary: summed("duration"),
};
const traffic: Kind = {
  title: "Traffic",
  intro: "What clients took from the cache and put into it.",
  quantity: "size",
  parts: [part("Downloaded", "remote", "downloadedBytes"), part("Uploaded", "local", "uploadedBytes")],
  summary: summed("size"),
};

const stored: Kind = {
  title: "Storage",
  intro: "How much was stored at the end of each bar.",
  quantity: "size",
  parts: [{ name: "Stored", color: "var(--chart-remote)", value: ({ storedBytes }) => storedBytes }],
  summary: ({ value }, bins) => {
    const sizes = bins.map(value).filter((sizeBytes) => sizeBytes !== null);
    return `From ${roundSize(sizes[0] ?? 0)} to ${roundSize(sizes.at(-1) ?? 0)}.`;
  },
};

function summed(quantity: Quantity): Kind["summary"] {
  return ({ name, value }, bins) =>
    `${name}: ${formats[quantity].format(bins.reduce((sum, bin) => sum + (value(bin) ?? 0), 0))}.`;
}

function known(format: (value: number) => string): ChartProps["format"] {
  return (value) => (value === null ? "–" : format(value));
}

function part(name: string, color: "remote" | "local" | "missed", figure: Charted): ChartPart {
  return { name, color: `var(--chart-${color})`, value: (bin) => bin[figure] };
}

/** How the figures went over the range of time. */
export function OverviewCharts({ overview: { series, step } }: { overview: Overview }) {
  const bins = useMemo(() => binsOf(series, step), [series, step]);
  return (
    <>
      <ChartCard kind={tasks} bins={bins} step={step} height="h-64" />
      <div className="gap-5 xl:grid xl:grid-cols-2">
        <ChartCard kind={saved} bins={bins} step={step} height="h-52" />
        <ChartCard kind={traffic} bins={bins} step={step} height="h-52" />
      </div>
      {/* What the whole server stores is for those who run it. */}
      {bins.some(({ storedBytes }) => storedBytes !== null) && (
        <ChartCard kind={stored} bins={bins} step={step} height="h-40" />
      )}
    </>
  );
}

interface ChartCardProps {
  kind: Kind;
  bins: readonly Bin[];
  step: Overview["step"];
  height: string;
}

function ChartCard({ kind, bins, step, height }: ChartCardProps) {
  const { title, intro, parts, quantity } = kind;
  const [isTable, setTable] = useState(false);
  const id = useId();
  const isEmpty = bins.every((bin) => parts.every(({ value }) => !value(bin)));
  return (
    <Card
      title={title}
      intro={intro}
      isFlush={isTable}
      side={
        !isEmpty && (
          <Button
            isSmall
            look="plain"
            aria-label={`As table: ${title}`}
            aria-pressed={isTable}
            aria-controls={id}
            onClick={() => setTable(!isTable)}
          >
            As table
          </Button>
        )
      }
    >
      <div id={id}>
        {isEmpty ? (
          <p className={`flex items-center justify-center text-soft ${height}`}>Nothing in this time.</p>
        ) : isTable ? (
          <SeriesTable kind={kind} bins={bins} step={step} />
        ) : (
          <>
            <Legend>
              {parts.map(({ name, color }) => (
                <li key={name} className="flex items-center gap-1.5">
                  <span className="size-2.5 rounded-sm" style={{ background: color }} />
                  {name}
                </li>
              ))}
              {step === "day" && <li className="ml-auto">{zoneNote(bins)}</li>}
            </Legend>
            <div
              role="img"
              aria-label={`${title}. ${parts.map((part) => kind.summary(part, bins)).join(" ")} The button shows it as a table.`}
              className={height}
            >
              <Suspense fallback={<Skeleton className="size-full" />}>
                <StackedChart
                  {...{ bins, parts, quantity }}
                  {...formats[quantity]}
                  {...axisNames(bins, step)}
                  exactNameOf={(bin) => binName(bin, step)}
                />
              </Suspense>
            </div>
          </>
        )}
      </div>
    </Card>
  );
}

function binName({ startAt, endAt }: Bin, step: Overview["step"]): string {
  return step === "day" ? formatDays(startAt, endAt) : formatHours(startAt, endAt);
}

/** Where the day of the reader ends is not where the server's does. */
function zoneNote(bins: readonly Bin[]): string {
  const areDays = bins.every(({ startAt, endAt }) => Date.parse(endAt) - Date.parse(startAt) <= dayMs);
  return areDays ? "Days begin at midnight, UTC" : "Weeks begin on Monday, UTC";
}

/** Below the bars stand days, the hours of one only where it is about them, and months where there are several. */
function axisNames(bins: readonly Bin[], step: Overview["step"]): Pick<ChartProps, "named" | "nameOf"> {
  if (step === "day") {
    const months = monthStarts(bins);
    return months.length > 3 ? { named: months, nameOf: formatMonth } : { nameOf: formatDay };
  }
  const starts = dayStarts(bins);
  return starts.length > 2 ? { named: starts, nameOf: formatWeekday } : { nameOf: formatClock };
}

function Legend({ children }: { children: ReactNode }) {
  return <ul className="mb-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">{children}</ul>;
}

function SeriesTable({ kind, bins, step }: Omit<ChartCardProps, "height">) {
  const { title, parts, quantity } = kind;
  const { format } = formats[quantity];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse has to be able to scroll it
    <section className="max-h-80 overflow-y-auto" tabIndex={0} aria-label={`${title} as a table`}>
      <Rows
        caption={title}
        rows={bins.toReversed()}
        keyOf={({ startAt }) => startAt}
        columns={[
          { title: step === "day" ? "Days" : "Hours", cell: (bin) => binName(bin, step) },
          ...parts.map(({ name, value }) => ({
            title: name,
            isNumber: true,
            cell: (bin: Bin) => format(value(bin)),
          })),
        ]}
      />
    </section>
  );
}
