import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { canPin } from "./processes.ts";
import { median } from "./results.ts";
import { gib, kib, mib } from "./scenarios/sizes.ts";

/** What figures depend on, without anything that tells whose machine it is. */
export function describeMachine(folder: string): string[] {
  const fileSystem = outputOf(["stat", "--file-system", "--format=%T", folder]).replace("ext2/ext3", "ext4");
  const { sequentialMibPerSecond, syncMs } = probeDisk(folder);
  return [
    `CPU: ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores` +
      (canPin ? "; server and load bound to one each" : "; server and load NOT bound to a core each"),
    `memory: ${Math.round(totalmem() / gib)} GiB`,
    `disk: ${diskKind(folder)}, ${fileSystem}; writes and syncs ${Math.round(sequentialMibPerSecond)} MiB/s, ` +
      `a sync of 4 KiB takes ${syncMs.toFixed(2)} ms`,
    `kernel: Linux ${/^\d+\.\d+(\.\d+)?/.exec(release())?.[0]}`,
    `Bun ${Bun.version}, wrk ${/\d+\.\d+\.\d+/.exec(outputOf(["wrk", "--version"]))?.[0]}, ` +
      `Node ${outputOf(["node", "--version"]).replace(/^v/, "") || "missing"}`,
  ];
}

function diskKind(folder: string): string {
  const { dev } = statSync(folder);
  // As the C library's major() and minor() take them apart.
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  try {
    const name =
      /^DEVNAME=(.*)$/m.exec(readFileSync(`/sys/dev/block/${major}:${minor}/uevent`, "utf8"))?.[1] ?? "";
    if (name.startsWith("nvme")) return "NVMe SSD";
    if (name.startsWith("vd")) return "virtual disk (virtio)";
    const spins = readFileSync(`/sys/class/block/${name.replace(/\d+$/, "")}/queue/rotational`, "utf8");
    return spins.startsWith("1") ? "spinning disk" : "SSD";
  } catch {
    return "unknown kind";
  }
}

/** Figures of uploads that are synced follow from these two. */
function probeDisk(folder: string): { sequentialMibPerSecond: number; syncMs: number } {
  const scratch = mkdtempSync(join(folder, "probe-"));
  const file = openSync(join(scratch, "probe"), "w");
  try {
    const block = Buffer.alloc(mib, "x");
    const sizeMib = 256;
    const sequentialMs = timed(() => {
      for (let written = 0; written < sizeMib; written++) writeSync(file, block);
      fsyncSync(file);
    });
    const small = block.subarray(0, 4 * kib);
    const syncs = Array.from({ length: 50 }, () =>
      timed(() => {
        writeSync(file, small);
        fsyncSync(file);
      }),
    );
    return { sequentialMibPerSecond: (sizeMib * 1000) / sequentialMs, syncMs: median(syncs) as number };
  } finally {
    closeSync(file);
    rmSync(scratch, { recursive: true });
  }
}

function timed(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

/** Empty for a program that is not there. Some print their version and end with an error. */
function outputOf([program, ...args]: [string, ...string[]]): string {
  const path = Bun.which(program);
  return path === null
    ? ""
    : Bun.spawnSync([path, ...args])
        .stdout.toString()
        .trim();
}
