import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import type { Bin } from "./bins.ts";
import { type Quantity, ticks } from "./ticks.ts";

export interface ChartPart {
  name: string;
  color: string;
  /** Null where it is not known. */
  value: (bin: Bin) => number | null;
}

export interface ChartProps {
  bins: readonly Bin[];
  /** From the bottom of each bar upwards. */
  parts: readonly ChartPart[];
  quantity: Quantity;
  format: (value: number | null) => string;
  axisFormat: (value: number) => string;
  /** Which bars have their name below them; all for which there is room, if not said. */
  named?: readonly string[] | undefined;
  nameOf: (startAt: string) => string;
  exactNameOf: (bin: Bin) => string;
}

/** Text of a chart is broken at its spaces. */
function oneLine(text: string): string {
  return text.replaceAll(" ", "\u00a0");
}

const axis = { fill: "var(--soft)", fontSize: 12 };

/** Bars over time, each made of parts. Fills its parent. */
export function StackedChart(props: ChartProps) {
  const { bins, parts, quantity, format, axisFormat, named, nameOf, exactNameOf } = props;
  const heights = bins.map((bin) => parts.reduce((sum, { value }) => sum + (value(bin) ?? 0), 0));
  const lines = ticks(Math.max(0, ...heights), quantity);
  return (
    <ResponsiveContainer width="100%" height="100%">
      <BarChart
        data={bins as Bin[]}
        margin={{ top: 6, right: 0, bottom: 0, left: 0 }}
        barCategoryGap="18%"
        accessibilityLayer={false}
      >
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="startAt"
          tickFormatter={nameOf}
          {...(named && { ticks: named, interval: "equidistantPreserveStart" as const })}
          tick={axis}
          tickLine={false}
          axisLine={{ stroke: "var(--edge)" }}
          minTickGap={12}
          height={22}
        />
        <YAxis
          ticks={lines}
          domain={[0, lines.at(-1) ?? 0]}
          tickFormatter={(value: number) => oneLine(axisFormat(value))}
          tick={axis}
          tickLine={false}
          axisLine={false}
          width={60}
          interval={0}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={{ fill: "var(--raised)" }}
          content={({ active, payload }) => {
            const bin = payload?.[0]?.payload as Bin | undefined;
            if (!active || !bin) return null;
            return (
              <div className="rounded-lg border border-line bg-card px-3 py-2 text-sm shadow-lg">
                <p className="mb-1 font-medium">{exactNameOf(bin)}</p>
                {parts.toReversed().map(({ name, color, value }) => (
                  <p key={name} className="flex items-center gap-2">
                    <span className="size-2.5 rounded-sm" style={{ background: color }} />
                    {name} <span className="ml-auto pl-4 tabular-nums">{format(value(bin))}</span>
                  </p>
                ))}
              </div>
            );
          }}
        />
        {parts.map(({ name, color, value }) => (
          <Bar
            key={name}
            name={name}
            stackId="all"
            dataKey={value}
            fill={color}
            maxBarSize={36}
            isAnimationActive={false}
          />
        ))}
      </BarChart>
    </ResponsiveContainer>
  );
}
