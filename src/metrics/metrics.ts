import { evictionReasons } from "../cache/evictions.ts";
import { Remembered } from "../remembered.ts";
import { version } from "../version.ts";
import { Board, type Described, type Labels } from "./board.ts";
import { type FigureSources, type Figures, readFigures } from "./figures.ts";
import { durationBoundsMs } from "./request-counter.ts";

/** Shown from the beginning, since the first of a counter that was not there before is no increase. */
const expectedRefusals = [
  "no_space",
  "team_over_limit",
  "too_large",
  "larger_than_quota",
  "signature_required",
] as const;

const trusts = ["trusted", "untrusted"] as const;

/** All that a monitoring system can know of a larder; docs/metrics.md tells what each of them answers. */
export class Metrics {
  private readonly board = boardOfAll();
  private readonly gathered: Remembered<string>;

  /** @param maxAgeMs how old an answer may be. Whoever asks more often gets the same. */
  constructor(sources: FigureSources, maxAgeMs = 1_000) {
    this.gathered = new Remembered(async () => await this.board.text(await readFigures(sources)), maxAgeMs);
  }

  get described(): readonly Described[] {
    return this.board.described;
  }

  get contentType(): string {
    return this.board.contentType;
  }

  /** In the text format of Prometheus. Gathered by one at a time, and anew only where the last is too old, however many ask. */
  text(): Promise<string> {
    return this.gathered.get();
  }
}

function boardOfAll(): Board<Figures> {
  const board = new Board<Figures>();
  showRequests(board);
  showTraffic(board);
  showRoom(board);
  showHealth(board);
  showTeams(board);
  showProcess(board);
  return board;
}

function showRequests(board: Board<Figures>): void {
  board
    .counter("larder_requests_total", "Requests answered.", ["route", "tool", "status"], ({ counter }) =>
      counter
        .requests()
        .filter(({ total }) => total > 0)
        .map(({ route, tool, status, total }) => [{ route, tool, status }, total]),
    )
    .histogram(
      "larder_request_duration_seconds",
      "Time until the answer to a request began, which for an upload is all of it.",
      durationBoundsMs.map(seconds),
      ["route", "tool"],
      ({ counter }) =>
        counter
          .durations()
          .filter(({ counts }) => counts.some((count) => count > 0))
          .map(({ route, tool, counts, sumMs }) => ({
            labels: { route, tool },
            counts,
            sum: seconds(sumMs),
          })),
    )
    .gauge(
      "larder_requests_in_flight",
      "Requests that are not yet answered to their end, this one among them.",
      [],
      ({ requestsUnderWay }) => requestsUnderWay,
    );
}

function showTraffic(board: Board<Figures>): void {
  board
    .counter(
      "larder_artifact_reads_total",
      "Downloads that were answered with an artifact (hit) or with none (miss); of those in parts the first part.",
      ["tool", "result"],
      ({ counter }) =>
        counter
          .reads()
          .flatMap(({ tool, hits, misses }) => [
            [{ tool, result: "hit" }, hits] as const,
            [{ tool, result: "miss" }, misses] as const,
          ]),
    )
    .counter(
      "larder_downloaded_bytes_total",
      "Bytes of artifacts that were sent whole.",
      ["tool"],
      ({ cache }) => [...cache.sent].map(([tool, { sizeBytes }]) => [{ tool }, sizeBytes]),
    )
    .counter("larder_uploads_total", "Uploads that were kept.", ["tool"], ({ cache }) =>
      [...cache.kept].map(([tool, { artifacts }]) => [{ tool }, artifacts]),
    )
    .counter("larder_uploaded_bytes_total", "Bytes of uploads that were kept.", ["tool"], ({ cache }) =>
      [...cache.kept].map(([tool, { sizeBytes }]) => [{ tool }, sizeBytes]),
    )
    .counter("larder_uploads_refused_total", "Uploads that were refused.", ["reason"], ({ counter }) => {
      const totals = new Map<string, number>(expectedRefusals.map((code) => [code, 0]));
      for (const { code, total } of counter.refusedUploads())
        totals.set(code, (totals.get(code) ?? 0) + total);
      return [...totals].map(([reason, total]) => [{ reason }, total]);
    })
    .gauge("larder_uploads_in_flight", "Uploads under way.", [], ({ cache }) => cache.uploadsUnderWay)
    .gauge(
      "larder_uploads_waiting",
      "Uploads under way that wait for room, in the server or in their team.",
      [],
      ({ cache }) => cache.uploadsWaiting,
    );
}

function showRoom(board: Board<Figures>): void {
  board
    .gauge(
      "larder_stored_bytes",
      "What is stored, equal bytes counted once.",
      [],
      ({ cache }) => cache.storedBytes,
    )
    .gauge(
      "larder_reserved_bytes",
      "Room taken by uploads under way.",
      [],
      ({ cache }) => cache.reservedBytes,
    )
    .gauge(
      "larder_max_size_bytes",
      "The setting maxSize; absent without a limit.",
      [],
      ({ cache }) => cache.maxSizeBytes,
    )
    .gauge("larder_disk_free_bytes", "What is free on the disk.", [], ({ cache }) => cache.freeBytes)
    .gauge("larder_disk_min_free_bytes", "The setting minFree.", [], ({ cache }) => cache.minFreeBytes)
    .counter(
      "larder_evicted_artifacts_total",
      "Artifacts that went by themselves.",
      ["reason"],
      ({ cache }) => evictionReasons.map((reason) => [{ reason }, cache.evicted[reason].artifacts]),
    )
    .counter("larder_evicted_bytes_total", "Bytes that went with them.", ["reason"], ({ cache }) =>
      evictionReasons.map((reason) => [{ reason }, cache.evicted[reason].sizeBytes]),
    )
    .gauge(
      "larder_eviction_youngest_age_seconds",
      "How long ago the youngest artifact of the last round of eviction for room had been used.",
      ["trust"],
      ({ cache }) =>
        trusts.map((trust) => [{ trust }, secondsOrNone(cache.youngestEvicted[trust].lastRoundMs)]),
    )
    .gauge(
      "larder_eviction_youngest_age_day_seconds",
      "The least of it in the last 24 hours.",
      ["trust"],
      ({ cache }) => trusts.map((trust) => [{ trust }, secondsOrNone(cache.youngestEvicted[trust].dayMs)]),
    )
    .gauge(
      "larder_released_blobs",
      "Blobs that an artifact let go of and that have yet to be collected, counted up to 100000.",
      [],
      ({ cache }) => cache.releasedBlobs,
    );
}

function showHealth(board: Board<Figures>): void {
  board
    .gauge(
      "larder_quarantined_blobs",
      "Blobs whose bytes are missing or wrong: artifacts on them are misses.",
      [],
      ({ cache }) => cache.quarantinedBlobs,
    )
    .counter("larder_damaged_blobs_total", "Blobs found damaged.", [], ({ cache }) => cache.quarantinedEver)
    .gauge(
      "larder_verify_round_blobs",
      "Blobs read in this round of verification.",
      [],
      ({ cache }) => cache.verify.blobs,
    )
    .gauge("larder_verify_round_bytes", "Bytes read in it.", [], ({ cache }) => cache.verify.sizeBytes)
    .gauge(
      "larder_verify_round_start_time_seconds",
      "When this round began; absent before the first.",
      [],
      ({ cache }) => secondsOrNone(cache.verify.startedAt),
    )
    .gauge(
      "larder_verify_completion_time_seconds",
      "When a round was last completed; absent before the first since the start.",
      [],
      ({ cache }) => secondsOrNone(cache.verify.completedAt),
    )
    .gauge(
      "larder_queued_writes",
      "Writes that wait for the database.",
      [],
      ({ queuedWrites }) => queuedWrites,
    )
    .gauge(
      "larder_usage_waiting",
      "Hits, misses and uploads that are counted and not yet written.",
      [],
      ({ usage }) => usage.waiting,
    )
    .counter(
      "larder_usage_dropped_total",
      "Hits, misses and uploads that there was no room to count.",
      [],
      ({ usage }) => usage.dropped,
    );
}

function showTeams(board: Board<Figures>): void {
  board
    .gauge(
      "larder_team_used_bytes",
      "What a team's artifacts take, for the 200 teams that use the most.",
      ["team"],
      ({ teams }) => teams.map(({ slug, usedBytes }) => [{ team: slug }, usedBytes]),
    )
    .gauge("larder_team_quota_bytes", "What it may use; absent without a quota.", ["team"], ({ teams }) =>
      teams.map(({ slug, quotaBytes }) => [{ team: slug }, quotaBytes ?? undefined]),
    )
    .gauge("larder_sessions", "Browsers in which somebody is signed in.", [], ({ sessions }) => sessions);
}

function showProcess(board: Board<Figures>): void {
  const build: Labels = { version, bun_version: Bun.version };
  board
    .gauge("larder_build_info", "Always 1; which larder this is.", Object.keys(build), () => [[build, 1]])
    .gauge(
      "larder_event_loop_lag_seconds",
      "How long something that was ready waited for its turn, at this moment.",
      [],
      ({ process }) => seconds(process.eventLoopLagMs),
    )
    .counter("process_cpu_seconds_total", "Processor time spent.", [], ({ process }) =>
      seconds(process.cpuMs),
    )
    .gauge("process_resident_memory_bytes", "Memory in use.", [], ({ process }) => process.residentBytes)
    .gauge(
      "larder_heap_used_bytes",
      "Of that, by objects of JavaScript.",
      [],
      ({ process }) => process.heapUsedBytes,
    )
    .gauge("process_start_time_seconds", "When the process began.", [], ({ process }) =>
      seconds(process.startedAt),
    )
    .gauge("process_open_fds", "Files and connections open.", [], ({ process }) => process.openFiles)
    .gauge("process_max_fds", "How many may be.", [], ({ process }) => process.maxOpenFiles);
}

function seconds(ms: number): number {
  return ms / 1_000;
}

function secondsOrNone(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : seconds(ms);
}
