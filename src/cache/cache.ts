import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database, Queries } from "../database/database.ts";
import { artifacts, blobs, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { BlobStorage, ReceivedBlob, StoredBlob } from "../storage/blob-storage.ts";
import type { Artifact, ArtifactFacts, ArtifactKey, ArtifactSpace } from "./artifact.ts";
import { Collector } from "./collector.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { purge } from "./purge.ts";

export interface CacheOptions {
  database: Database;
  storage: BlobStorage;
  maxArtifactSizeBytes: number;
  log: Logger;
}

/** An artifact's bytes as they arrive. */
export interface Upload {
  body: AsyncIterable<Uint8Array>;
  /** What the client announced, if it did. */
  sizeBytes?: number;
  /** Asked in the transaction that keeps the artifact, since an upload may take long: rejects if it may no longer be. */
  authorize?: (tx: Queries) => Promise<void>;
}

/** How many hashes one statement asks for; SQLite's limit on parameters is far above. */
const hashesPerQuery = 500;

const columns = {
  hash: artifacts.hash,
  sha256: blobs.sha256,
  sizeBytes: blobs.sizeBytes,
  durationMs: artifacts.durationMs,
  tag: artifacts.tag,
  sha: artifacts.sha,
  dirtyHash: artifacts.dirtyHash,
};

/** What a cache is: it keeps artifacts under keys and gives them back byte for byte, or says that it has none. */
export class Cache {
  readonly collector: Collector;
  readonly maxArtifactSizeBytes: number;
  private readonly database: Database;
  private readonly storage: BlobStorage;
  private readonly log: Logger;
  private readonly blobLock = new KeyedLock();
  private readonly byKey;

  constructor(options: CacheOptions) {
    this.database = options.database;
    this.storage = options.storage;
    this.maxArtifactSizeBytes = options.maxArtifactSizeBytes;
    this.log = options.log;
    this.collector = new Collector(this.database, this.storage, this.blobLock, this.log);
    this.byKey = this.selectArtifacts()
      .where(
        and(
          eq(artifacts.teamId, sql.placeholder("teamId")),
          eq(artifacts.tool, sql.placeholder("tool")),
          eq(artifacts.scope, sql.placeholder("scope")),
          eq(artifacts.hash, sql.placeholder("hash")),
          isNull(blobs.quarantinedAt),
        ),
      )
      .prepare();
  }

  /** The artifact and its bytes, or undefined for a miss. A blob that is missing or of the wrong size is a miss. */
  async get(key: ArtifactKey): Promise<{ artifact: Artifact; blob: StoredBlob } | undefined> {
    const [artifact] = await this.byKey.execute({ ...key });
    if (!artifact) return undefined;
    const blob = await this.soundBlob(artifact);
    return blob && { artifact, blob };
  }

  /** Those of `hashes` that a `get` would find. Asks for any number of them. */
  async query(space: ArtifactSpace, hashes: readonly string[]): Promise<Map<string, Artifact>> {
    const found = new Map<string, Artifact>();
    for (let start = 0; start < hashes.length; start += hashesPerQuery) {
      const rows = await this.selectArtifacts().where(
        and(
          eq(artifacts.teamId, space.teamId),
          eq(artifacts.tool, space.tool),
          eq(artifacts.scope, space.scope),
          inArray(artifacts.hash, hashes.slice(start, start + hashesPerQuery)),
          isNull(blobs.quarantinedAt),
        ),
      );
      for (const artifact of rows) if (await this.soundBlob(artifact)) found.set(artifact.hash, artifact);
    }
    return found;
  }

  /**
   * Keeps an artifact. When it resolves, the artifact is durable and every later `get` finds it; when it rejects, what
   * was under the key before is there still. Of several at once for one key the last to commit stays, whole.
   * @throws Refusal `too_large`, `bad_request` (length), `aborted`, `no_space`, `conflict` (write-once).
   */
  async put(key: ArtifactKey, facts: ArtifactFacts, upload: Upload): Promise<void> {
    const received = await this.storage.receive(upload.body, {
      maxSizeBytes: this.maxArtifactSizeBytes,
      ...(upload.sizeBytes !== undefined && { expectedSizeBytes: upload.sizeBytes }),
    });
    try {
      await this.blobLock.share(received.sha256, async () => {
        await received.publish();
        await this.database.write(async (tx) => {
          await upload.authorize?.(tx);
          await pointAt(tx, key, facts, received);
        });
      });
    } catch (error) {
      await this.withdraw(received);
      throw error;
    }
    await received.discard();
  }

  /** Takes all artifacts of a space out. @returns how many they were. */
  purge(space: ArtifactSpace): Promise<number> {
    return this.database.write((tx) =>
      purge(
        tx,
        and(
          eq(artifacts.teamId, space.teamId),
          eq(artifacts.tool, space.tool),
          eq(artifacts.scope, space.scope),
        ),
      ),
    );
  }

  /**
   * After a put that failed: the failure is what the caller must hear of, so one of clearing up is only logged, and what
   * could not be cleared leaves its trace for the next start.
   */
  private async withdraw(received: ReceivedBlob): Promise<void> {
    try {
      await this.collector.discard(received.sha256);
      await received.discard();
    } catch (error) {
      this.log.error(
        { err: error, sha256: received.sha256 },
        "failed upload left for the next start to clear",
      );
      await received.leave();
    }
  }

  private selectArtifacts() {
    return this.database.read
      .select(columns)
      .from(artifacts)
      .innerJoin(blobs, eq(blobs.id, artifacts.blobId));
  }

  private async soundBlob(artifact: Artifact): Promise<StoredBlob | undefined> {
    const blob = await this.storage.find(artifact.sha256);
    if (blob?.sizeBytes === artifact.sizeBytes) return blob;
    try {
      await this.quarantine(artifact);
    } catch (error) {
      // It is a miss all the same, and the next one to ask tries again.
      this.log.error({ err: error, sha256: artifact.sha256 }, "blob not quarantined");
    }
    return undefined;
  }

  /** Every artifact that points at the blob is a miss from now on, until the same bytes are uploaded again. */
  private async quarantine({ sha256, sizeBytes, hash }: Artifact): Promise<void> {
    await this.blobLock.exclude(sha256, async () => {
      // An upload of the same bytes may have mended it while we waited for the lock.
      const blob = await this.storage.find(sha256);
      if (blob?.sizeBytes === sizeBytes) return;
      await this.storage.quarantine(sha256);
      const changed = await this.database.write((tx) =>
        tx
          .update(blobs)
          .set({ quarantinedAt: Date.now() })
          .where(and(eq(blobs.sha256, sha256), isNull(blobs.quarantinedAt)))
          .returning({ id: blobs.id }),
      );
      if (changed.length > 0) {
        this.log.error({ sha256, hash, sizeBytes, foundBytes: blob?.sizeBytes ?? null }, "blob quarantined");
      }
    });
  }
}

/** The one transaction of a put: the artifact points at the blob, and the blob that it pointed at before is let go. */
async function pointAt(
  tx: Queries,
  key: ArtifactKey,
  facts: ArtifactFacts,
  blob: { sha256: string; sizeBytes: number },
): Promise<void> {
  const now = Date.now();
  const [team] = await tx
    .select({ slug: teams.slug, overwrite: teams.overwrite })
    .from(teams)
    .where(eq(teams.id, key.teamId));
  if (!team) throw new Refusal("unauthorized", "The token's team has been deleted.");
  const [before] = await tx
    .select({ blobId: artifacts.blobId, sha256: blobs.sha256, quarantinedAt: blobs.quarantinedAt })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(
      and(
        eq(artifacts.teamId, key.teamId),
        eq(artifacts.tool, key.tool),
        eq(artifacts.scope, key.scope),
        eq(artifacts.hash, key.hash),
      ),
    );
  const isSame = before?.sha256 === blob.sha256;
  if (before && team.overwrite === "never" && before.quarantinedAt === null) {
    if (isSame) return;
    throw new Refusal(
      "conflict",
      `Artifact ${key.hash} is there already with other bytes, and this team's artifacts are never overwritten. ` +
        `\`larder team set ${team.slug} --overwrite allow\` lifts that.`,
    );
  }
  const [stored] = await tx
    .insert(blobs)
    .values({ sha256: blob.sha256, sizeBytes: blob.sizeBytes, createdAt: now })
    .onConflictDoUpdate({
      target: blobs.sha256,
      set: { sizeBytes: blob.sizeBytes, releasedAt: null, quarantinedAt: null },
    })
    .returning({ id: blobs.id });
  const blobId = (stored as { id: number }).id;
  await tx
    .insert(artifacts)
    .values({ ...key, ...facts, blobId, createdAt: now })
    .onConflictDoUpdate({
      target: [artifacts.teamId, artifacts.tool, artifacts.scope, artifacts.hash],
      set: { ...facts, blobId, createdAt: now },
    });
  if (before && !isSame) await tx.update(blobs).set({ releasedAt: now }).where(eq(blobs.id, before.blobId));
}
