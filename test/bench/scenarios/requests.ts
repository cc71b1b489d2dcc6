import { type Bench, compare } from "../bench.ts";
import { type LoadOptions, putLoad } from "../load/wrk.ts";
import type { CaseResult } from "../results.ts";
import type { ServerKind } from "../servers/server.ts";
import { seed } from "./seed.ts";
import { kib } from "./sizes.ts";

const seededKeys = 100;
const sizeBytes = 100 * kib;
const connections = 16;

/** GET of random hashes that nobody has stored. */
export async function misses(bench: Bench): Promise<CaseResult[]> {
  const servers = [...bench.servers, ...(bench.silentPeer ? [bench.silentPeer] : [])];
  return [await underLoad(bench, { scenario: "miss", name: "GET 404 at 16", mode: "miss" }, servers)];
}

/** PUT of distinct bodies under distinct keys. */
export async function smallUploads(bench: Bench): Promise<CaseResult[]> {
  return [await underLoad(bench, { scenario: "put", name: "PUT 100 KiB at 16", mode: "put" })];
}

/** Nine GET for each PUT. */
export async function mixed(bench: Bench): Promise<CaseResult[]> {
  return [
    await underLoad(bench, { scenario: "mixed", name: "90% GET, 10% PUT, 100 KiB at 16", mode: "mixed" }),
  ];
}

/** Questions about 100 artifacts at a time, all of them there. */
export async function queries(bench: Bench): Promise<CaseResult[]> {
  const servers = bench.servers.filter((kind) => kind.answersQueries);
  return [await underLoad(bench, { scenario: "query", name: "query of 100 at 16", mode: "query" }, servers)];
}

async function underLoad(
  bench: Bench,
  { scenario, name, mode }: { scenario: string; name: string; mode: LoadOptions["mode"] },
  servers: ServerKind[] = bench.servers,
): Promise<CaseResult> {
  const load = { mode, connections, durationSeconds: bench.durationSeconds, sizeBytes, keys: seededKeys };
  return compare(bench, {
    scenario,
    name,
    unit: "requests/s",
    servers,
    async prepare(kind, server) {
      if (mode === "mixed" || mode === "query") await seed(kind, server, seededKeys, sizeBytes);
      await putLoad(kind, server.url, { ...load, durationSeconds: 1 });
    },
    async measure(kind, server) {
      const { requests, durationMs, p50Ms, p99Ms } = await putLoad(kind, server.url, load);
      return { value: (requests * 1000) / durationMs, p50Ms, p99Ms };
    },
  });
}
