import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tool } from "./tools.ts";

/** Older clients that are still in use: the first of 2.x, and one per protocol change since the first release line. */
export const turboVersions = ["1.13.4", "2.0.0", "2.5.8", "2.9.18", "2.10.13"] as const;

/** The client that this repository pins. Run its path with `process.execPath`: it is a script. */
export const turbo: Tool = {
  name: "turbo",
  find: () => existing("../node_modules/turbo/bin/turbo"),
  install: "bun install --frozen-lockfile",
};

/** An older client. Run its path with `process.execPath`: it is a script. */
export function oldTurbo(version: (typeof turboVersions)[number]): Tool {
  return {
    name: `turbo ${version}`,
    find: () => existing(`clients/turbo-versions/node_modules/turbo-${version}/bin/turbo`),
    install: "bun install --frozen-lockfile --cwd test/clients/turbo-versions",
  };
}

/** A disk of a chosen size: `mount -t tmpfs -o size=1m larder FOLDER`, and `umount FOLDER` afterwards. */
export const tmpfs: Tool = {
  name: "mount -t tmpfs",
  // Root inside a container often may not mount, so it is tried.
  find() {
    const mount = Bun.which("mount");
    if (process.platform !== "linux" || !mount || process.getuid?.() !== 0) return undefined;
    const folder = mkdtempSync(join(tmpdir(), "larder-mount-"));
    try {
      if (spawnSync(mount, ["-t", "tmpfs", "-o", "size=64k", "larder", folder]).status !== 0)
        return undefined;
      spawnSync("umount", [folder]);
      return mount;
    } finally {
      rmdirSync(folder);
    }
  },
  install: "run the tests on Linux as root, and in a container with CAP_SYS_ADMIN",
};

/** Writes down the system calls of a program: `strace -f -o FILE COMMAND`. */
export const strace: Tool = {
  name: "strace",
  // A container may forbid tracing, so it is tried.
  find() {
    const path = Bun.which("strace");
    if (process.platform !== "linux" || !path) return undefined;
    return spawnSync(path, ["-f", "-o", "/dev/null", "true"]).status === 0 ? path : undefined;
  },
  install: "apt-get install strace, and run the tests on Linux, in a container with CAP_SYS_PTRACE",
};

/** Shows a program another time than the machine has: `faketime -f +1d COMMAND`. */
export const faketime: Tool = {
  name: "faketime",
  find() {
    const path = Bun.which("faketime");
    if (process.platform !== "linux" || !path) return undefined;
    // It replaces functions of the C library, and not every program calls those.
    const ask = [process.execPath, "-p", "Date.now()"];
    const { stdout } = spawnSync(path, ["-f", "+1d", ...ask], { encoding: "utf8" });
    return Number(stdout) > Date.now() + 3_600_000 ? path : undefined;
  },
  install: "apt-get install faketime, and run the tests on Linux",
};

/** A browser that needs no screen. */
export const chromium: Tool = {
  name: "chromium",
  find: () => (process.platform === "linux" ? (Bun.which("chromium") ?? undefined) : undefined),
  install: "apt-get install chromium, and run the tests on Linux",
};

function existing(path: string): string | undefined {
  const full = join(import.meta.dir, path);
  return existsSync(full) ? full : undefined;
}
