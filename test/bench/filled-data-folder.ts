import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { serverActor } from "../../src/audit/audit-log.ts";
import { createDataFolder, openDataFolder } from "../../src/database/data-folder.ts";
import { readMigrations } from "../../src/database/migrations.macro.ts" with { type: "macro" };
import { artifacts, blobs, teams } from "../../src/database/schema.ts";
import { defaultTeamSlug, Teams } from "../../src/identity/teams.ts";

export const filledSizeBytes = 4096;

/** ext4 allows 65,000 names for one file. */
const namesPerFile = 60_000;
const rowsPerTransaction = 20_000;
/** Between one artifact's last use and the next one's. */
const useStepMs = 10;

/**
 * A data folder as larder would have left it: `count` artifacts of team `default` with the keys 0 to `count` - 1 in 16 hex
 * digits, used one after the other, and a blob for each. The blobs are names of a few files with the same bytes, so what they
 * are named after is not what is in them, which only a check of the bytes would find.
 */
export async function fillDataFolder(folder: string, count: number): Promise<void> {
  createDataFolder(folder);
  linkBlobs(folder, count);
  await writeRows(folder, count);
}

/**
 * The same, made only once for each schema if `cache` names a folder to keep it in: the first start on an older one would be
 * measured with its migration. A run changes nothing in it that the next would notice.
 */
export async function cachedDataFolder(
  cache: string | undefined,
  scratch: string,
  count: number,
): Promise<string> {
  const folder = join(cache ?? scratch, `artifacts-${count}-schema-${readMigrations().length}`);
  const complete = join(folder, "complete");
  if (existsSync(complete)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await fillDataFolder(join(folder, "data"), count);
  writeFileSync(complete, "");
  return folder;
}

export function hashOf(key: number): string {
  return key.toString(16).padStart(16, "0");
}

function sha256Of(key: number): string {
  return createHash("sha256").update(hashOf(key)).digest("hex");
}

function linkBlobs(folder: string, count: number): void {
  const blobFolder = join(folder, "blobs");
  mkdirSync(blobFolder, { mode: 0o700 });
  for (let first = 0; first < 256; first++) {
    mkdirSync(join(blobFolder, first.toString(16).padStart(2, "0")), { mode: 0o700 });
  }
  let file = "";
  for (let key = 0; key < count; key++) {
    const sha256 = sha256Of(key);
    const path = join(blobFolder, sha256.slice(0, 2), sha256);
    if (key % namesPerFile === 0) {
      file = path;
      writeFileSync(file, Buffer.alloc(filledSizeBytes, "x"), { mode: 0o600 });
    } else {
      linkSync(file, path);
    }
  }
}

async function writeRows(folder: string, count: number): Promise<void> {
  const database = openDataFolder(folder);
  try {
    await new Teams(database, serverActor).ensureDefault();
    const [team] = await database.read.select().from(teams).where(eq(teams.slug, defaultTeamSlug));
    if (!team) throw new Error("The data folder has no default team.");
    const now = Date.now();
    for (let start = 0; start < count; start += rowsPerTransaction) {
      await database.write(async (tx) => {
        const insertBlob = tx
          .insert(blobs)
          .values({
            id: sql.placeholder("id"),
            sha256: sql.placeholder("sha256"),
            sizeBytes: filledSizeBytes,
            createdAt: now,
          })
          .prepare();
        const insertArtifact = tx
          .insert(artifacts)
          .values({
            teamId: team.id,
            tool: "turbo",
            scope: "",
            hash: sql.placeholder("hash"),
            blobId: sql.placeholder("id"),
            durationMs: 1000,
            createdAt: now,
            ...("lastUsedAt" in artifacts && { lastUsedAt: sql.placeholder("lastUsedAt") }),
          })
          .prepare();
        for (let key = start; key < Math.min(start + rowsPerTransaction, count); key++) {
          const row = { id: key + 1, hash: hashOf(key), sha256: sha256Of(key) };
          await insertBlob.execute(row);
          await insertArtifact.execute({ ...row, lastUsedAt: now - (count - key) * useStepMs });
        }
      });
    }
    // Kept by whatever writes artifacts, where the schema has it.
    if ("usedBytes" in teams) {
      await database.write(async (tx) => {
        await tx.run(sql`UPDATE teams SET used_bytes = ${count * filledSizeBytes} WHERE id = ${team.id}`);
      });
    }
  } finally {
    await database.close();
  }
}
