import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";

/** What the system says of this process. Undefined is what it does not say: all but Linux are silent about files. */
export interface ProcessFigures {
  cpuMs: number;
  residentBytes: number;
  heapUsedBytes: number;
  startedAt: number;
  openFiles: number | undefined;
  maxOpenFiles: number | undefined;
  /** How long something that was ready to run waited for its turn, just now. */
  eventLoopLagMs: number;
}

/*
 * The default metrics of prom-client (15.1.3) are made for Node. In Bun (1.4.4) its handles, requests and heap spaces are always
 * 0, its heap size is the address space, and its event loop monitor wakes an idle process a hundred times a second. So these
 * are gathered here, under the names that every Prometheus client library uses for them.
 */
export async function readProcessFigures(): Promise<ProcessFigures> {
  const askedAt = performance.now();
  await setImmediate();
  const eventLoopLagMs = performance.now() - askedAt;
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuMs: (user + system) / 1_000,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    startedAt: performance.timeOrigin,
    openFiles: await countOpenFiles(),
    maxOpenFiles: maxOpenFiles(),
    eventLoopLagMs,
  };
}

async function countOpenFiles(): Promise<number | undefined> {
  try {
    // The folder itself is open while it is read.
    return (await readdir("/proc/self/fd")).length - 1;
  } catch {
    return undefined;
  }
}

function maxOpenFiles(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
