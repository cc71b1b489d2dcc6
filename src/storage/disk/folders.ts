import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

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

/** Creates a folder below `root`, which exists, and makes the new entries durable from the top down. */
export async function createFolder(path: string, root: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const changed: string[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    changed.unshift(folder);
    if (folder === root || folder === dirname(first)) break;
  }
  for (const folder of changed) await syncFolder(folder);
}
