import type { Logger } from "pino";

export interface Schedule {
  /** Starts nothing more, and waits for what is under way. */
  stop(): Promise<void>;
}

/** Runs `work` at once and then `everyMs` after each end. A failure is logged, and the next run comes all the same. */
export function schedule(name: string, everyMs: number, log: Logger, work: () => Promise<void>): Schedule {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let running = run();

  async function run(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error, work: name }, "scheduled work failed");
    }
    if (stopped) return;
    timer = setTimeout(() => {
      running = run();
    }, everyMs);
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
