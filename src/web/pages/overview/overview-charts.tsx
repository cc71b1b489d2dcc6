import { lazy, type ReactNode, Suspense, useId, useMemo, useState } from "react";
import { roundSize, roundTime } from "../../../units.ts";
import type { Overview } from "../../api/types.ts";
import { formatCount, formatExactCount } from "../../format/count.ts";
import { formatClock, formatDay, formatHours, formatWeekday } from "../../format/time.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Skeleton } from "../../parts/skeleton.tsx";
import { type Bin, binsOf, dayStarts } from "./bins.ts";
import type { ChartProps } from "./stacked-chart.tsx";

// More than half of all the dashboard's bytes, which the rest of the page does not wait for.
const StackedChart = lazy(async () => ({ default: (await import("./stacked-chart.tsx")).StackedChart }));

type Kind = Pick<ChartProps, "parts" | "quantity" | "format" | "axisFormat"> & {
  title: string;
  intro: string;
};

const tasks: Kind = {
  title: "Tasks",
  intro: "Answered by the cache here or on the machine itself, or run anew.",
  parts: [
    { name: "Remote hits", color: "var(--chart-remote)", value: (bin) => bin.remoteHits },
    { name: "Local hits", color: "var(--chart-local)", value: (bin) => bin.localHits },
    { name: "Misses", color: "var(--chart-missed)", value: (bin) => bin.remoteMisses },
  ],
  quantity: "count",
  format: formatExactCount,
  axisFormat: formatCount,
};
const saved: Kind = {
  title: "Time saved",
  intro: "What the tasks once took that did not run again.",
  parts: [
    { name: "Remote", color: "var(--chart-remote)", value: (bin) => bin.remoteSavedMs },
    { name: "Local", color: "var(--chart-local)", value: (bin) => bin.localSavedMs },
  ],
  quantity: "duration",
  format: roundTime,
  axisFormat: roundTime,
};
const traffic: Kind = {
  title: "Traffic",
  intro: "What clients took from the cache and put into it.",
  parts: [
    { name: "Downloaded", color: "var(--chart-remote)", value: (bin) => bin.downloadedBytes },
    { name: "Uploaded", color: "var(--chart-local)", value: (bin) => bin.uploadedBytes },
  ],
  quantity: "size",
  format: roundSize,
  axisFormat: roundSize,
};

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
  const { title, intro, parts, quantity, format, axisFormat } = kind;
  const [isTable, setTable] = useState(false);
  const id = useId();
  const isEmpty = bins.every((bin) => parts.every(({ value }) => value(bin) === 0));
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
            </Legend>
            <div
              role="img"
              aria-label={`${title}. ${summary(kind, bins)} The button shows it as a table.`}
              className={height}
            >
              <Suspense fallback={<Skeleton className="size-full" />}>
                <StackedChart
                  {...{ bins, parts, quantity, format, axisFormat }}
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
  return step === "day" ? formatDay(startAt) : formatHours(startAt, endAt);
}

/** Below the bars stand days, and the hours of one only where it is about them. */
function axisNames(bins: readonly Bin[], step: Overview["step"]): Pick<ChartProps, "named" | "nameOf"> {
  if (step === "day") return { nameOf: formatDay };
  const starts = dayStarts(bins);
  return starts.length > 2 ? { named: starts, nameOf: formatWeekday } : { nameOf: formatClock };
}

function Legend({ children }: { children: ReactNode }) {
  return <ul className="mb-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">{children}</ul>;
}

/** What a glance at the chart tells. */
function summary({ parts, format }: Kind, bins: readonly Bin[]): string {
  return parts
    .map(({ name, value }) => `${name}: ${format(bins.reduce((sum, bin) => sum + value(bin), 0))}.`)
    .join(" ");
}

function SeriesTable({ kind: { title, parts, format }, bins, step }: Omit<ChartCardProps, "height">) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse has to be able to scroll it
    <section className="max-h-80 overflow-y-auto" tabIndex={0} aria-label={`${title} as a table`}>
      <Rows
        caption={title}
        rows={bins.toReversed()}
        keyOf={({ startAt }) => startAt}
        columns={[
          { title: step === "day" ? "Day" : "Hours", cell: (bin) => binName(bin, step) },
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
