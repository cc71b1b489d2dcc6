import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** The servers have the first processor for themselves, and what puts load on them has the second. */
export type Side = "server" | "load";

const processors: Record<Side, string> = { server: "0", load: "1" };

/** Whether servers and load can be kept apart: that takes two processors and `taskset` (util-linux). */
export const canPin = availableParallelism() >= 2 && Bun.which("taskset") !== null;

/** The command, bound to its side's processor where that is possible. `taskset` becomes what it starts: same pid. */
export function pinned(side: Side, command: string[]): string[] {
  return canPin ? ["taskset", "--cpu-list", processors[side], ...command] : command;
}

const living = new Set<number>();

/** Ends a process with all its descendants when this process ends, however early that is. */
export function endWithUs(child: Bun.Subprocess): void {
  living.add(child.pid);
  child.exited.then(() => living.delete(child.pid));
}

process.on("exit", () => {
  for (const pid of living) killTree(pid);
});

/** SIGTERM, and after `timeoutMs` SIGKILL for whatever of its tree is left. Resolves when the process is gone. */
export async function endTree(child: Bun.Subprocess, timeoutMs = 20_000): Promise<void> {
  const late = setTimeout(() => killTree(child.pid), timeoutMs);
  child.kill("SIGTERM");
  await child.exited;
  clearTimeout(late);
}

/** The process and all that descend from it, itself first. */
export function treeOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))?.[1]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  // Grows while it is walked: children come behind their parents.
  for (const one of tree) tree.push(...(childrenOf.get(one) ?? []));
  return tree;
}

/** What the tree holds (`VmRSS`) or has held at most (`VmHWM`), summed over its processes. */
export function memoryBytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  let sumBytes = 0;
  for (const one of treeOf(pid)) {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readProc(one, "status"))?.[1];
    sumBytes += Number(kibibytes ?? 0) * 1024;
  }
  return sumBytes;
}

/** Processor time that the tree has used, in the system's own hundredths of a second. */
export function processorTimeMs(pid: number): number {
  const ticks = treeOf(pid).map((one) => {
    const stat = statOf(one);
    return stat ? Number(stat[11]) + Number(stat[12]) : 0;
  });
  return ticks.reduce((sum, one) => sum + one, 0) * 10;
}

/** Time that all processors have spent in programs, and in the kernel for them, whosever they are. */
export function busyTimeMs(): number {
  const fields = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0] = fields.split(" ").map(Number);
  return (user + nice + system) * 10;
}

/** What this process has used of that, with those that it has started and that have ended since, such as wrk. */
export function ownTimeMs(): number {
  const times = statOf(process.pid)?.slice(11, 15) ?? [];
  return times.reduce((sum, ticks) => sum + Number(ticks), 0) * 10;
}

function killTree(pid: number): void {
  for (const one of treeOf(pid)) {
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** The fields of /proc/PID/stat from the state on. The name before it may hold spaces and brackets itself. */
function statOf(pid: number): string[] | undefined {
  const stat = readProc(pid, "stat");
  return stat === "" ? undefined : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Empty for a process that has ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
