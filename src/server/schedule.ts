import type { Logger } from "pino";

export interface Schedule {
  /** Starts nothing more, asks what is under way to end, and waits for it. */
  stop(): Promise<void>;
}

/** Runs `work` at once and then `everyMs` after each end. A failure is logged, and the next run comes all the same. */
export function schedule(
  name: string,
  everyMs: number,
  log: Logger,
  work: (signal: AbortSignal) => Promise<void>,
): Schedule {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopping = new AbortController();
  let running = run();

  async function run(): Promise<void> {
    try {
      await work(stopping.signal);
    } catch (error) {
      log.error({ err: error, work: name }, "scheduled work failed");
    }
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
