import { Database as Sqlite } from "bun:sqlite";
import { join } from "node:path";
import { type Bench, scratchFolder, syncDisk } from "../bench.ts";
import { fillDataFolder, filledSizeBytes, hashOf } from "../filled-data-folder.ts";
import { putLoad } from "../load/wrk.ts";
import { memoryBytes } from "../processes.ts";
import { type CaseResult, type Measurement, medianOf, type ServerResult } from "../results.ts";
import type { Larder } from "../servers/larder.ts";
import { artifactUrl, type RunningServer } from "../servers/server.ts";
import { seed } from "./seed.ts";

const keptArtifacts = 20_000;
const sizeLimitFlag = "--max-size";
const hotKeys = 64;
const connections = 16;

export const quietName = "GET 4 KiB at 16, all quiet";
export const evictingName = "GET 4 KiB at 16, while evicting";

/** How much longer a GET takes while the artifacts that are too many go. Nothing for a larder that has no size limit. */
export async function eviction(bench: Bench): Promise<CaseResult[]> {
  const evicted = bench.quick ? 20_000 : 100_000;
  const quiet: CaseResult = { scenario: "evict", name: quietName, unit: "ms", servers: [] };
  const evicting: CaseResult = { scenario: "evict", name: evictingName, unit: "ms", servers: [] };
  for (const larder of bench.larders) {
    const about = { server: larder.name, isLarder: true };
    if (!larder.flags.has(sizeLimitFlag)) {
      const note = `left out: this larder does not know ${sizeLimitFlag}`;
      evicting.servers.push({ ...about, rounds: [], note });
      continue;
    }
    const before: ServerResult = { ...about, rounds: [] };
    const during: ServerResult = { ...about, rounds: [] };
    for (let round = 1; round <= bench.rounds; round++) {
      bench.tell(`${evictingName}: ${larder.name}, round ${round} of ${bench.rounds}`);
      const measured = await measureOnce(bench, larder, evicted);
      before.rounds.push(measured.quiet);
      during.rounds.push(measured.evicting);
      during.peakMemoryBytes = Math.max(during.peakMemoryBytes ?? 0, measured.peakMemoryBytes);
      during.note = `${measured.gone.toLocaleString("en")} artifacts went meanwhile`;
    }
    quiet.servers.push({ ...before, ...withMedian(before.rounds) });
    evicting.servers.push({ ...during, ...withMedian(during.rounds) });
  }
  return quiet.servers.length === 0 ? [evicting] : [quiet, evicting];
}

async function measureOnce(bench: Bench, larder: Larder, evicted: number) {
  await using folder = await scratchFolder(bench);
  const data = join(folder.path, "data");
  const count = keptArtifacts + evicted;
  await fillDataFolder(data, count);
  syncDisk(folder.path);

  const roomy = await larder.start(folder.path, [sizeLimitFlag, `${2 * count * filledSizeBytes}B`]);
  let quiet: Measurement;
  try {
    await seed(larder, roomy, hotKeys, filledSizeBytes);
    quiet = await getLoad(larder, roomy, bench.durationSeconds);
  } finally {
    await roomy.stop();
  }

  // Started with less room than there is, and told by an upload that more is wanted.
  const tight = await larder.start(folder.path, [sizeLimitFlag, `${keptArtifacts * filledSizeBytes}B`]);
  try {
    const artifactsBefore = countArtifacts(data);
    await fetch(artifactUrl(larder, tight.url, hashOf(count)), {
      method: "PUT",
      headers: larder.headers,
      body: new Uint8Array(filledSizeBytes),
    });
    const evicting = await getLoad(larder, tight, bench.durationSeconds);
    const gone = artifactsBefore - countArtifacts(data);
    if (gone < evicted / 10) {
      throw new Error(
        `Only ${gone} of ${evicted} artifacts went while it was measured, which tells nothing.`,
      );
    }
    return { quiet, evicting, gone, peakMemoryBytes: memoryBytes(tight.process.pid, "VmHWM") };
  } finally {
    await tight.stop();
  }
}

async function getLoad(larder: Larder, server: RunningServer, durationSeconds: number): Promise<Measurement> {
  const load = {
    mode: "get",
    connections,
    durationSeconds,
    sizeBytes: filledSizeBytes,
    keys: hotKeys,
  } as const;
  const { p50Ms, p99Ms } = await putLoad(larder, server.url, load);
  return { value: p99Ms, p50Ms, p99Ms };
}

function countArtifacts(data: string): number {
  using sqlite = new Sqlite(join(data, "larder.db"), { readonly: true });
  return (sqlite.query("SELECT count(*) AS count FROM artifacts").get() as { count: number }).count;
}

function withMedian(rounds: Measurement[]): { median?: Measurement } {
  const median = medianOf(rounds);
  return median ? { median } : {};
}
