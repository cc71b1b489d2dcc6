import { type Bench, compare } from "../bench.ts";
import { type LoadOptions, putLoad } from "../load/wrk.ts";
import type { CaseResult, Measurement } from "../results.ts";
import { seed } from "./seed.ts";
import { formatSize, kib, mib } from "./sizes.ts";

/** Of 100 MiB so few are done in a measurement that the bytes tell more than the answers. */
const countBytesFrom = 100 * mib;

/** GET of artifacts that are there. */
export async function downloads(bench: Bench): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const sizeBytes of [10 * kib, 100 * kib, mib, 100 * mib]) {
    for (const connections of bench.quick ? [16] : [1, 16, 128]) {
      const countBytes = sizeBytes >= countBytesFrom;
      const keys = countBytes ? 2 : 64;
      // At 128 connections all of them get their 100 MiB at about the same time, after some 5 s.
      const durationSeconds = bench.durationSeconds * (countBytes && connections > 16 ? 3 : 1);
      const load: LoadOptions = { mode: "get", connections, durationSeconds, sizeBytes, keys };
      results.push(
        await compare(bench, {
          scenario: "get",
          name: `GET ${formatSize(sizeBytes)} at ${connections}`,
          unit: countBytes ? "MiB/s" : "requests/s",
          async prepare(kind, server) {
            await seed(kind, server, keys, sizeBytes);
            await putLoad(kind, server.url, { ...load, durationSeconds: 1 });
          },
          async measure(kind, server) {
            const { requests, bytes, durationMs, p50Ms, p99Ms } = await putLoad(kind, server.url, load);
            const value = ((countBytes ? bytes / mib : requests) * 1000) / durationMs;
            const measurement: Measurement = { value };
            // Without a single whole answer there is no latency to tell.
            return requests === 0 ? measurement : { ...measurement, p50Ms, p99Ms };
          },
        }),
      );
    }
  }
  return results;
}
