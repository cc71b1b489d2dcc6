import { freemem } from "node:os";
import { type Bench, compare } from "../bench.ts";
import { uploadAtOnce } from "../load/uploads.ts";
import type { CaseResult } from "../results.ts";
import { formatSize, gib } from "./sizes.ts";

const sizeBytes = gib;

/** PUT of 1 GiB, one alone and eight at once. */
export async function bigUploads(bench: Bench): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const count of bench.quick ? [1] : [1, 8]) {
    results.push(
      await compare(bench, {
        scenario: "put-big",
        name: `PUT ${formatSize(sizeBytes)}, ${count === 1 ? "alone" : `${count} at once`}`,
        unit: "s",
        async measure(kind, server) {
          const wantedBytes = count * (kind.memoryPerUpload?.(sizeBytes) ?? 0);
          if (wantedBytes > freemem()) {
            throw new Error(`left out: it would take about ${formatSize(wantedBytes)} of memory`);
          }
          const { allMs } = await uploadAtOnce(kind, server.url, count, sizeBytes);
          return { value: allMs / 1000 };
        },
      }),
    );
  }
  return results;
}
