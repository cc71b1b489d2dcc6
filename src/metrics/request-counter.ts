import { isFromStart } from "../http/range.ts";
import { LastDay } from "./last-day.ts";
import { type RouteClass, routeClasses, routeClassOf } from "./route-class.ts";

/** A request that was answered. */
export interface AnsweredRequest {
  method: string;
  /** Without the query. */
  path: string | undefined;
  status: number;
  /** Until the answer began. */
  durationMs: number;
}

/** Upper bounds of the durations that are counted apart. */
export const durationBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

const statusClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const placesPerRoute = statusClasses.length;
const bucketsPerRoute = durationBoundsMs.length + 1;
const indexOf = new Map(routeClasses.map((routeClass, index) => [routeClass, index]));
/** Where downloads are counted, of each tool. */
const downloads = routeClasses.flatMap(({ route, tool }, index) =>
  route === "artifact_get" ? [{ tool, index }] : [],
);

/** Of how many teams and reasons refused uploads are kept apart; what comes beyond counts without a team. */
const maxRefusalKinds = 1_000;

/** Uploads of one team that were refused for one reason, a refusal's code. */
export interface RefusedUploads {
  /** Undefined where the request was refused before it was clear, or there are too many. A slug may be another team's soon. */
  teamId: string | undefined;
  code: string;
  total: number;
  lastDay: number;
}

/** Durations of one kind of request. */
export interface Durations extends RouteClass {
  /** How many lay within each of `durationBoundsMs`, and how many beyond all of them. */
  counts: readonly number[];
  sumMs: number;
}

/** Counts requests as they are answered, in some 0.2 µs each. */
export class RequestCounter {
  private readonly statuses = new Float64Array(routeClasses.length * placesPerRoute);
  private readonly buckets = new Float64Array(routeClasses.length * bucketsPerRoute);
  private readonly sumsMs = new Float64Array(routeClasses.length);
  private readonly refused = new Map<string, Omit<RefusedUploads, "lastDay"> & { day: LastDay }>();
  private readonly hits = new Float64Array(routeClasses.length);
  private readonly misses = new Float64Array(routeClasses.length);

  /** @param basePath the prefix of every route, or empty. */
  constructor(private readonly basePath: string) {}

  /** @param notes what is known of the request besides: `refused`, the code, and `teamId`. */
  count(
    { method, path, status, durationMs }: AnsweredRequest,
    notes: Record<string, unknown> | undefined,
    headers: Pick<Headers, "get">,
  ): void {
    const routeClass = routeClassOf(method, path, this.basePath, status);
    const index = indexOf.get(routeClass) as number;
    const place = index * placesPerRoute + Math.floor(status / 100) - 1;
    this.statuses[place] = (this.statuses[place] ?? 0) + 1;
    let bucket = 0;
    while (durationMs > (durationBoundsMs[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    bucket += index * bucketsPerRoute;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.sumsMs[index] = (this.sumsMs[index] ?? 0) + durationMs;
    const { route } = routeClass;
    if (route === "artifact_get" && isFromStart(headers.get("range"))) this.countRead(index, status);
    else if (route === "artifact_put" && notes?.refused !== undefined) this.countRefused(notes);
  }

  /** Those that were answered with an artifact, or the first part of one, or with 404; by tool. */
  reads(): { tool: string; hits: number; misses: number }[] {
    return downloads.map(({ tool, index }) => ({
      tool,
      hits: this.hits[index] ?? 0,
      misses: this.misses[index] ?? 0,
    }));
  }

  requests(): (RouteClass & { status: string; total: number })[] {
    return routeClasses.flatMap((routeClass, index) =>
      statusClasses.map((status, offset) => ({
        ...routeClass,
        status,
        total: this.statuses[index * placesPerRoute + offset] ?? 0,
      })),
    );
  }

  durations(): Durations[] {
    return routeClasses.map((routeClass, index) => ({
      ...routeClass,
      counts: [...this.buckets.subarray(index * bucketsPerRoute, (index + 1) * bucketsPerRoute)],
      sumMs: this.sumsMs[index] ?? 0,
    }));
  }

  refusedUploads(now = Date.now()): RefusedUploads[] {
    return [...this.refused.values()].map(({ day, ...refused }) => ({ ...refused, lastDay: day.total(now) }));
  }

  private countRead(index: number, status: number): void {
    if (status === 404) this.misses[index] = (this.misses[index] ?? 0) + 1;
    else if (status === 200 || status === 206 || status === 304)
      this.hits[index] = (this.hits[index] ?? 0) + 1;
  }

  private countRefused(notes: Record<string, unknown>): void {
    const code = String(notes.refused);
    const known = typeof notes.teamId === "string" ? notes.teamId : undefined;
    const teamId = this.refused.size < maxRefusalKinds ? known : undefined;
    const refused = this.refused.get(`${code} ${known}`) ?? this.refused.get(`${code} ${teamId}`);
    const counted = refused ?? { teamId, code, total: 0, day: new LastDay() };
    if (!refused) this.refused.set(`${code} ${teamId}`, counted);
    counted.total++;
    counted.day.add();
  }
}
