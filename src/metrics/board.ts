import { Counter, Gauge, type Metric, Registry } from "prom-client";

export type Labels = Record<string, string | number>;

/** A value with its labels. */
export type Sample = readonly [labels: Labels, value: number | undefined];

/** What a metric shows: one value, or one for each combination of labels. Undefined is not shown at all. */
export type Shown = number | undefined | readonly Sample[];

/** Durations that were counted in buckets. */
export interface Counted {
  labels: Labels;
  /** How many lay within each bound, and how many beyond all of them. */
  counts: readonly number[];
  sum: number;
}

/** What there is to see, whether there is a value now or not. */
export interface Described {
  name: string;
  type: "counter" | "gauge" | "histogram";
  labels: readonly string[];
}

/**
 * Metrics whose values are counted elsewhere, in plain numbers, and read only when somebody asks: counting in prom-client
 * itself (15.1.3) costs a request 0.5 to 0.7 µs for each of them. `From` is what they are read from.
 */
export class Board<From> {
  /** All of them, in the order in which they are shown. */
  readonly described: Described[] = [];
  private readonly registry = new Registry();
  private from: From | undefined;

  get contentType(): string {
    return this.registry.contentType;
  }

  /** In the text format of Prometheus. Not to be called again before it resolves. */
  async text(from: From): Promise<string> {
    this.from = from;
    try {
      return await this.registry.metrics();
    } finally {
      this.from = undefined;
    }
  }

  gauge(name: string, help: string, labelNames: readonly string[], read: (from: From) => Shown): this {
    this.described.push({ name, type: "gauge", labels: labelNames });
    const samples = () => this.samplesOf(read);
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        // Without labels there would be a 0 otherwise.
        if (labelNames.length === 0) this.remove();
        for (const [labels, value] of samples()) if (value !== undefined) this.set(labels, value);
      },
    });
    return this;
  }

  counter(name: string, help: string, labelNames: readonly string[], read: (from: From) => Shown): this {
    this.described.push({ name, type: "counter", labels: labelNames });
    const samples = () => this.samplesOf(read);
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, value] of samples()) if (value !== undefined) this.inc(labels, value);
      },
    });
    return this;
  }

  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    labelNames: readonly string[],
    read: (from: From) => readonly Counted[],
  ): this {
    this.described.push({ name, type: "histogram", labels: labelNames });
    const get = async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: read(this.from as From).flatMap((counted) => bucketsOf(name, bounds, counted)),
    });
    // Its own histogram can only be told of one duration after the other.
    this.registry.registerMetric({ name, help, get } as unknown as Metric);
    return this;
  }

  private samplesOf(read: (from: From) => Shown): readonly Sample[] {
    const shown = read(this.from as From);
    return typeof shown === "object" ? shown : [[{}, shown]];
  }
}

function bucketsOf(name: string, bounds: readonly number[], { labels, counts, sum }: Counted) {
  let total = 0;
  const values = bounds.map((le, index) => {
    total += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  total += counts[bounds.length] ?? 0;
  return [
    ...values,
    { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: total },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
