import { join } from "node:path";
import type { Bench } from "../bench.ts";
import { type LoadOptions, putLoad } from "../load/wrk.ts";
import { endTree, endWithUs, pinned } from "../processes.ts";
import type { CaseResult, Measurement } from "../results.ts";
import { kib, mib } from "./sizes.ts";

const silentServer = "silent server";

/** Named as the cases whose limit they tell. */
const limits: { name: string; mode: LoadOptions["mode"]; sizeBytes: number; status: number }[] = [
  { name: "GET 10 KiB at 16", mode: "get", sizeBytes: 10 * kib, status: 200 },
  { name: "GET 100 KiB at 16", mode: "get", sizeBytes: 100 * kib, status: 200 },
  { name: "GET 1 MiB at 16", mode: "get", sizeBytes: mib, status: 200 },
  { name: "GET 404 at 16", mode: "miss", sizeBytes: 0, status: 404 },
  { name: "PUT 100 KiB at 16", mode: "put", sizeBytes: 100 * kib, status: 200 },
];

/** What the load generator reaches against a server that does nothing, to tell whose limit the other figures are. */
export async function loadLimit(bench: Bench): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const { name, mode, sizeBytes, status } of limits) {
    bench.tell(`${name}: the load generator's own limit`);
    const server = Bun.spawn(
      pinned("server", [
        process.execPath,
        join(import.meta.dir, "../load/silent-server.ts"),
        String(mode === "get" ? sizeBytes : 0),
        String(status),
      ]),
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    endWithUs(server);
    try {
      const port = await firstLine(server.stdout);
      const kind = { path: { before: "/", after: "" }, headers: {} };
      const load = { mode, connections: 16, durationSeconds: bench.durationSeconds, sizeBytes };
      const rounds: Measurement[] = [];
      for (let round = 1; round <= 3; round++) {
        const { requests, durationMs, p50Ms, p99Ms } = await putLoad(kind, `http://127.0.0.1:${port}`, load);
        rounds.push({ value: (requests * 1000) / durationMs, p50Ms, p99Ms });
      }
      // The best and not the median: whatever slowed it down was no limit of its own.
      const median = rounds.toSorted((a, b) => b.value - a.value)[0] as Measurement;
      const servers = [{ server: silentServer, isLarder: false, rounds, median }];
      results.push({ scenario: "limit", name, unit: "requests/s", servers });
    } finally {
      await endTree(server);
    }
  }
  return results;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.trim();
}
