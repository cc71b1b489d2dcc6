import { type Bench, compare } from "../bench.ts";
import { memoryBytes } from "../processes.ts";
import type { CaseResult } from "../results.ts";
import { mib } from "./sizes.ts";

/** Long enough for what a server does after its start to be over. */
const settleMs = 2_000;

/** What a server holds that was started and asked for nothing. */
export async function idle(bench: Bench): Promise<CaseResult[]> {
  return [
    await compare(bench, {
      scenario: "idle",
      name: "idle memory",
      unit: "MiB",
      async measure(_, server) {
        await Bun.sleep(settleMs);
        return { value: memoryBytes(server.process.pid, "VmRSS") / mib };
      },
    }),
  ];
}
