import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of this size, gone when it is disposed of. Needs the tool `tmpfs`. */
export function smallDisk(sizeMiB: number): Disposable & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "larder-disk-"));
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "larder", folder], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`mount ended with ${status}: ${stderr}`);
  return {
    folder,
    [Symbol.dispose]() {
      spawnSync("umount", [folder]);
      rmdirSync(folder);
    },
  };
}

/** Leaves so many bytes of a disk free, with a file whose path it returns. */
export function fill(folder: string, leftBytes = 0): string {
  const path = join(folder, "ballast");
  const { bavail, bsize } = statfsSync(folder);
  try {
    writeFileSync(path, Buffer.alloc(bavail * bsize - leftBytes));
  } catch (error) {
    // Full all the same: a server on this disk has written something meanwhile.
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  }
  return path;
}
