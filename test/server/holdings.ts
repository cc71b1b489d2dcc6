import { Database } from "bun:sqlite";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What lies in a data folder, seen from outside. */
export interface Holdings {
  artifacts: { hash: string; team: string; sha256: string }[];
  /** The rows. */
  blobs: { sha256: string; sizeBytes: number; releasedAt: number | null; quarantinedAt: number | null }[];
  /** Paths below `blobs/`. */
  blobFiles: string[];
  temporaryFiles: string[];
  quarantinedFiles: string[];
}

export function holdingsOf(dataFolder: string): Holdings {
  return {
    artifacts: rowsOf(
      dataFolder,
      "SELECT hash, slug AS team, sha256 FROM artifacts JOIN teams ON teams.id = team_id JOIN blobs ON blobs.id = blob_id ORDER BY hash",
    ),
    blobs: rowsOf(
      dataFolder,
      "SELECT sha256, size_bytes AS sizeBytes, released_at AS releasedAt, quarantined_at AS quarantinedAt FROM blobs ORDER BY sha256",
    ),
    blobFiles: readdirSync(join(dataFolder, "blobs"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(dataFolder, "blobs").length + 1))
      .sort(),
    temporaryFiles: readdirSync(join(dataFolder, "tmp")),
    quarantinedFiles: readdirSync(join(dataFolder, "quarantine")).sort(),
  };
}

/** What lies there of blobs and of uploads under way; a file that has two names for a moment counts once. */
export function bytesOnDisk(dataFolder: string): number {
  const files = new Map<number, number>();
  for (const place of ["blobs", "tmp"]) {
    for (const path of readdirSync(join(dataFolder, place), { recursive: true }) as string[]) {
      const file = statSync(join(dataFolder, place, path), { throwIfNoEntry: false });
      if (file?.isFile()) files.set(file.ino, file.size);
    }
  }
  return [...files.values()].reduce((total, sizeBytes) => total + sizeBytes, 0);
}

/** Reads the database of a data folder beside its server, and changes nothing. */
export function rowsOf<Row>(dataFolder: string, query: string): Row[] {
  const database = new Database(join(dataFolder, "larder.db"), { readonly: true });
  try {
    return database.query(query).all() as Row[];
  } finally {
    database.close();
  }
}

/** Where the bytes with this SHA-256 lie, below `blobs/`. */
export function blobFileOf(sha256: string): string {
  return join(sha256.slice(0, 2), sha256);
}

export function sha256Of(bytes: string | Uint8Array): string {
  return Bun.SHA256.hash(bytes, "hex");
}
