import { closeSync, fsync, openSync, statSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

const syncDescriptor = promisify(fsync);

/** Makes what was linked into, renamed into or removed from a folder survive a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  // Windows has no such call; NTFS journals its folders by itself.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The same for folders that are synced again and again: it keeps each one open, which saves two of three trips to
 * another thread.
 */
export class FolderSync {
  /** By inode: somebody may delete a folder under us and make another of its name. */
  private readonly descriptors = new Map<number, number>();

  async sync(path: string): Promise<void> {
    if (process.platform === "win32") return;
    const inode = statSync(path).ino;
    const descriptor = this.descriptors.get(inode) ?? openSync(path, "r");
    this.descriptors.set(inode, descriptor);
    await syncDescriptor(descriptor);
  }

  close(): void {
    for (const descriptor of this.descriptors.values()) closeSync(descriptor);
    this.descriptors.clear();
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
