import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";

export interface Schedule {
  /** Starts nothing more, asks what is under way to end, and waits for it. */
  stop(): Promise<void>;
}

/** Something that larder does on its own. Whoever stops it does so by the signal. */
export type Work = (signal: AbortSignal) => Promise<void>;

/** Runs `work` at once and then `everyMs` after each end. A failure is logged, and the next run comes all the same. */
export function schedule(name: string, everyMs: number, log: Logger, work: Work): Schedule {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopping = new AbortController();
  let running = run();

  async function run(): Promise<void> {
    await tryWork(name, log, work, stopping.signal);
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      running = run();
    }, everyMs);
  }

  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** One work after the other. What fails is logged by its name, and keeps none of the others from their turn. */
export function inTurn(log: Logger, works: readonly (readonly [name: string, work: Work])[]): Work {
  return async (signal) => {
    for (const [name, work] of works) {
      if (signal.aborted) return;
      await tryWork(name, log, work, signal);
    }
  };
}

async function tryWork(name: string, log: Logger, work: Work, signal: AbortSignal): Promise<void> {
  try {
    await work(signal);
  } catch (error) {
    // What an operator can mend, or another process does, such as one that holds the database, is no fault of ours.
    if (error instanceof Refusal) log.warn({ reason: error.message, work: name }, "scheduled work put off");
    else log.error({ err: error, work: name }, "scheduled work failed");
  }
}
