import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { busyTimeMs, memoryBytes, ownTimeMs, processorTimeMs } from "./processes.ts";
import { type CaseResult, type Measurement, medianOf, type ServerResult, type Unit } from "./results.ts";
import type { Larder } from "./servers/larder.ts";
import type { RunningServer, ServerKind } from "./servers/server.ts";
import { disturbingShare } from "./targets.ts";

/** What every scenario works with. */
export interface Bench {
  /** Ours first. */
  servers: ServerKind[];
  larders: Larder[];
  /** The incumbent without its access log, for where writing that is most of its work. */
  silentPeer: ServerKind | undefined;
  /** A folder on the disk that is measured. */
  scratch: string;
  dataCache: string | undefined;
  quick: boolean;
  rounds: number;
  /** Of one measurement under load. */
  durationSeconds: number;
  /** Tells the operator what is going on. */
  tell(text: string): void;
}

const maxAttempts = 3;

/** A thing to do to every server in turn. */
export interface Case {
  scenario: string;
  name: string;
  unit: Unit;
  /** All of the bench's, if not said. */
  servers?: ServerKind[];
  rounds?: number;
  /** More arguments for each server. */
  args?: string[];
  /** Brings the server to where measuring begins, load included that makes it as warm as it gets. */
  prepare?(kind: ServerKind, server: RunningServer): Promise<void>;
  measure(kind: ServerKind, server: RunningServer): Promise<Measurement>;
}

/**
 * Measures the servers in alternation (A B C, A B C), so that whatever else the machine does meets them alike. Each starts on
 * an empty folder every time, is alone while it is measured, and finds the disk with nothing left to write.
 */
export async function compare(bench: Bench, one: Case): Promise<CaseResult> {
  const { scenario, name, unit, servers = bench.servers, rounds = bench.rounds } = one;
  const results = servers.map(
    (kind): ServerResult => ({ server: kind.name, isLarder: kind.isLarder, rounds: [] }),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [index, kind] of servers.entries()) {
      const result = results[index] as ServerResult;
      if (result.note !== undefined) continue;
      bench.tell(`${name}: ${kind.name}, round ${round} of ${rounds}`);
      try {
        const { measurement, peakMemoryBytes } = await measureUndisturbed(bench, one, kind);
        result.rounds.push(measurement);
        result.peakMemoryBytes = Math.max(result.peakMemoryBytes ?? 0, peakMemoryBytes);
      } catch (error) {
        // The others are worth measuring all the same.
        result.note = (error as Error).message;
        bench.tell(`${name}: ${kind.name} failed. ${result.note}`);
      }
    }
  }
  for (const result of results) {
    const median = medianOf(result.rounds);
    if (median !== undefined) result.median = median;
  }
  return { scenario, name, unit, servers: results };
}

/** The attempt that other work on the machine disturbed least, with no more attempts than it takes. */
async function measureUndisturbed(bench: Bench, one: Case, kind: ServerKind) {
  let best = await measureOnce(bench, one, kind);
  for (let attempt = 2; attempt <= maxAttempts && isDisturbed(best, one); attempt++) {
    bench.tell(
      `  disturbed by other work (${Math.round(othersShareOf(best) * 100)}% of a processor), once more`,
    );
    const next = await measureOnce(bench, one, kind);
    if (othersShareOf(next) < othersShareOf(best)) best = next;
  }
  return best;
}

/** What a server holds does not depend on what others do. */
function isDisturbed(measured: { measurement: Measurement }, { unit }: Case): boolean {
  return unit !== "MiB" && othersShareOf(measured) > disturbingShare;
}

function othersShareOf({ measurement }: { measurement: Measurement }): number {
  return measurement.othersShare ?? 0;
}

async function measureOnce(bench: Bench, one: Case, kind: ServerKind) {
  await using folder = await scratchFolder(bench);
  const server = await kind.start(folder.path, one.args);
  try {
    await one.prepare?.(kind, server);
    syncDisk(folder.path);
    const { pid } = server.process;
    const times = () => ({ serverMs: processorTimeMs(pid), ownMs: ownTimeMs(), busyMs: busyTimeMs() });
    const before = times();
    const startedAt = performance.now();
    const measurement = await one.measure(kind, server);
    const tookMs = performance.now() - startedAt;
    const after = times();
    const serverMs = after.serverMs - before.serverMs;
    const othersMs = after.busyMs - before.busyMs - serverMs - (after.ownMs - before.ownMs);
    measurement.processorShare = serverMs / tookMs;
    measurement.othersShare = Math.max(othersMs, 0) / tookMs;
    return { measurement, peakMemoryBytes: memoryBytes(pid, "VmHWM") };
  } finally {
    await server.stop();
  }
}

/** An empty folder, gone at the end of the block. */
export async function scratchFolder(bench: Bench): Promise<{ path: string } & AsyncDisposable> {
  await mkdir(bench.scratch, { recursive: true });
  const path = await mkdtemp(join(bench.scratch, "run-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** What one server left unwritten would otherwise be written on the next one's time. */
export function syncDisk(folder: string): void {
  Bun.spawnSync(["sync", "--file-system", folder]);
}
