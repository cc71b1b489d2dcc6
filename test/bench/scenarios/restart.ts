import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bench, scratchFolder } from "../bench.ts";
import { cachedDataFolder, filledSizeBytes, hashOf } from "../filled-data-folder.ts";
import { memoryBytes } from "../processes.ts";
import { type CaseResult, medianOf, type ServerResult } from "../results.ts";
import type { Larder } from "../servers/larder.ts";
import { artifactUrl } from "../servers/server.ts";

/** From the start of the process, on a folder with many artifacts, to the last byte of its first hit. */
export async function restart(bench: Bench): Promise<CaseResult[]> {
  const count = bench.quick ? 100_000 : 1_000_000;
  const name = `restart with ${count.toLocaleString("en")} artifacts, to first hit`;
  await using temporary = await scratchFolder(bench);
  bench.tell(`${name}: making the artifacts`);
  const startedAt = performance.now();
  const folder = await cachedDataFolder(bench.dataCache, temporary.path, count);
  bench.tell(`${name}: made within ${Math.round((performance.now() - startedAt) / 1000)} s`);

  const servers: ServerResult[] = [];
  for (const larder of bench.larders) {
    const result: ServerResult = { server: larder.name, isLarder: true, rounds: [] };
    for (let round = 1; round <= bench.rounds; round++) {
      bench.tell(`${name}: ${larder.name}, round ${round} of ${bench.rounds}`);
      const { firstHitMs, peakMemoryBytes } = await firstHit(larder, folder, Math.floor((count * round) / 7));
      result.rounds.push({ value: firstHitMs });
      result.peakMemoryBytes = Math.max(result.peakMemoryBytes ?? 0, peakMemoryBytes);
    }
    const median = medianOf(result.rounds);
    servers.push({ ...result, ...(median && { median }) });
  }
  return [{ scenario: "restart", name, unit: "ms", servers }];
}

async function firstHit(larder: Larder, folder: string, key: number) {
  const startedAt = performance.now();
  const server = await larder.start(folder);
  try {
    const answer = await fetch(artifactUrl(larder, server.url, hashOf(key)), { headers: larder.headers });
    const body = await answer.arrayBuffer();
    const firstHitMs = performance.now() - startedAt;
    if (!answer.ok || body.byteLength !== filledSizeBytes) {
      throw new Error(`The artifact was answered with ${answer.status} and ${body.byteLength} bytes.`);
    }
    return { firstHitMs, peakMemoryBytes: memoryBytes(server.process.pid, "VmHWM") };
  } finally {
    await server.stop();
    await rm(join(folder, "access.log"), { force: true });
  }
}
