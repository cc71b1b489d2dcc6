import { closeSync, fsync, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

const syncDescriptor = promisify(fsync);

/** Makes what was linked into, renamed into or removed from a folder survive a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  // Windows has no such call; NTFS journals its folders by itself.
  if (process.platform === "win32") return;
  // Opening and closing take microseconds, and a trip to another thread each would take more.
  const descriptor = openSync(path, "r");
  try {
    await syncDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Creates a folder, whose parent exists, for its owner alone. Durable after the next sync of the parent. */
export async function createFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** The same, and durable when it resolves, even if somebody else has only just created it. */
export async function createFolderDurably(path: string): Promise<void> {
  await createFolder(path);
  await syncFolder(dirname(path));
}
