import { and, eq, inArray, isNull } from "drizzle-orm";
import type { Logger } from "pino";
import { type Actor, serverActor } from "../audit/audit-log.ts";
import type { Database, Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, blobs } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import type { BlobStorage, ReceivedBlob, StoredBlob } from "../storage/blob-storage.ts";
import {
  type Artifact,
  type ArtifactFacts,
  type ArtifactKey,
  type ArtifactSpace,
  trustedScope,
} from "./artifact.ts";
import { storedTotals } from "./books.ts";
import { Capacity } from "./capacity.ts";
import { Collector } from "./collector.ts";
import { enter } from "./enter.ts";
import { Evictor } from "./evictor.ts";
import { type CacheFigures, readFigures, Transfers } from "./figures.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { type PurgeFilter, purge } from "./purge.ts";
import { Recency } from "./recency.ts";
import { ScopeLimit } from "./scope-limit.ts";
import { TeamRoom } from "./team-room.ts";
import { UploadRoom } from "./upload-room.ts";
import { Verifier } from "./verifier.ts";

export interface CacheOptions {
  database: Database;
  storage: BlobStorage;
  maxArtifactSizeBytes: number;
  /** What is stored and reserved together never exceeds it; undefined for no limit. */
  maxSizeBytes: number | undefined;
  /** What has to stay free on the disk, whoever fills it. */
  minFreeBytes: number;
  /** Artifacts that were not used for so long go, unless their team has a limit of its own; undefined for never. */
  maxAgeMs: number | undefined;
  /** Who is written down where damaged blobs are taken out: the server, if not said. */
  by?: Actor;
  /** Untrusted artifacts that were not used for so long go, whatever their team says; undefined for no limit of their own. */
  scopeMaxAgeMs: number | undefined;
  /** Of a tool in one untrusted scope of a team: `maxArtifactsPerScope`, if not said. */
  maxPerScope?: number;
  log: Logger;
}

/** An artifact's bytes as they arrive. */
export interface Upload {
  body: AsyncIterable<Uint8Array>;
  /** What the client announced, if it did. */
  sizeBytes?: number;
  /** Asked in the transaction that keeps the artifact, since an upload may take long: rejects if it may no longer be. */
  authorize?: (tx: Queries) => Promise<void>;
  /** Called in the same transaction, to write down what it keeps. */
  record?: (tx: Queries, blob: { sha256: string; sizeBytes: number }) => Promise<void>;
}

/** Goes into a `Response` as it is. */
export type ArtifactBody = StoredBlob["body"] | Uint8Array<ArrayBuffer>;

export interface GetOptions {
  /** Whether a part of the bytes may do, or none: the body is then one that the server can cut. */
  inParts?: boolean;
}

/** Up to this size an artifact is read in one go. From about here on it is cheaper to have the system send the file. */
const maxReadBytes = 128 * 1024;
/** How many hashes one statement asks for; SQLite's limit on parameters is far above. */
const hashesPerQuery = 500;
/** Uploads wait so long for room; clients give up after 60 seconds (turbo 2.11.11). */
const roomPatienceMs = 15_000;

const columns = {
  id: artifacts.id,
  scope: artifacts.scope,
  hash: artifacts.hash,
  sha256: blobs.sha256,
  sizeBytes: blobs.sizeBytes,
  durationMs: artifacts.durationMs,
  tag: artifacts.tag,
  sha: artifacts.sha,
  dirtyHash: artifacts.dirtyHash,
  lastUsedAt: artifacts.lastUsedAt,
};

function selectArtifacts(queries: Queries) {
  return queries.select(columns).from(artifacts).innerJoin(blobs, eq(blobs.id, artifacts.blobId));
}

const artifactByKey = prepared((queries) =>
  selectArtifacts(queries).where(
    and(
      eq(artifacts.teamId, given("teamId")),
      eq(artifacts.tool, given("tool")),
      eq(artifacts.scope, given("scope")),
      eq(artifacts.hash, given("hash")),
      isNull(blobs.quarantinedAt),
    ),
  ),
);

/** What a cache is: it keeps artifacts under keys and gives them back byte for byte, or says that it has none. */
export class Cache {
  readonly capacity: Capacity;
  readonly collector: Collector;
  readonly evictor: Evictor;
  readonly recency: Recency;
  readonly verifier: Verifier;
  private readonly teamRoom: TeamRoom;
  private readonly scopeLimit: ScopeLimit;
  private readonly blobLock = new KeyedLock();
  private readonly transfers = new Transfers();

  private constructor(
    private readonly options: CacheOptions,
    stored: { storedBytes: number; quarantinedBlobs: number },
  ) {
    const { database, storage, log } = options;
    this.capacity = new Capacity({
      maxSizeBytes: options.maxSizeBytes,
      minFreeBytes: options.minFreeBytes,
      storedBytes: stored.storedBytes,
      freeBytes: () => storage.freeBytes(),
      patienceMs: roomPatienceMs,
    });
    const { blobLock, capacity } = this;
    this.collector = new Collector({ database, storage, capacity, blobLock, log });
    this.recency = new Recency(database);
    this.evictor = new Evictor({
      database,
      capacity,
      collector: this.collector,
      recency: this.recency,
      maxAgeMs: options.maxAgeMs,
      scopeMaxAgeMs: options.scopeMaxAgeMs,
      log,
    });
    this.teamRoom = new TeamRoom(database, this.evictor, roomPatienceMs);
    this.scopeLimit = new ScopeLimit(options.maxPerScope);
    const { collector } = this;
    const { by = serverActor } = options;
    const { quarantinedBlobs } = stored;
    this.verifier = new Verifier({
      database,
      storage,
      capacity,
      collector,
      blobLock,
      quarantinedBlobs,
      by,
      log,
    });
    collector.onQuarantinedGone = (blobs) => {
      this.verifier.quarantined -= blobs;
    };
  }

  /** For the one process that serves the data folder. Undoes first what a crash left half done. */
  static async open(options: CacheOptions): Promise<Cache> {
    const cache = await Cache.beside(options);
    await cache.collector.recover();
    return cache;
  }

  /** For a command beside the server: it may change the books, and nothing on the storage. */
  static async beside(options: CacheOptions): Promise<Cache> {
    const cache = new Cache(options, await storedTotals(options.database));
    await cache.evictor.evictions.restore(options.database);
    return cache;
  }

  /**
   * What `use` makes of the artifact and its bytes, or undefined for a miss. The key's own scope counts before the trusted
   * one, and no other does. A blob that is missing or of the wrong size is a miss. `use` is to do with the body what it wants
   * to do before it returns.
   */
  get<Used extends object>(
    key: ArtifactKey,
    use: (artifact: Artifact, body: ArtifactBody) => Used,
    { inParts = false }: GetOptions = {},
  ): Promise<Used | undefined> {
    const own = this.getFrom(key, use, inParts);
    if (key.scope === trustedScope) return own;
    return own.then((used) => used ?? this.getFrom({ ...key, scope: trustedScope }, use, inParts));
  }

  private async getFrom<Used extends object>(
    key: ArtifactKey,
    use: (artifact: Artifact, body: ArtifactBody) => Used,
    inParts: boolean,
  ): Promise<Used | undefined> {
    const [artifact] = await artifactByKey(this.options.database.read).execute({ ...key });
    if (!artifact) return undefined;
    const used = await this.useBody(artifact, inParts, use);
    if (used) {
      this.recency.touch(artifact);
      if (!inParts) this.transfers.countSent(key.tool, artifact.sizeBytes);
    } else await this.quarantineUnlessSound(artifact);
    return used;
  }

  /**
   * What `use` makes of the bytes of an artifact that somebody wants to look at, or undefined where there are none any more. It
   * counts as no use, and the body is one that the server can cut.
   */
  async look<Used extends object>(
    blob: Pick<Artifact, "sha256" | "sizeBytes">,
    use: (body: ArtifactBody) => Used,
  ): Promise<Used | undefined> {
    const found = await this.options.storage.find(blob.sha256);
    return found?.sizeBytes === blob.sizeBytes ? use(found.body) : undefined;
  }

  /** Those of `hashes` that a `get` would find. Asks for any number of them. */
  async query(space: ArtifactSpace, hashes: readonly string[]): Promise<Map<string, Artifact>> {
    const own = await this.queryIn(space, hashes);
    if (space.scope === trustedScope) return own;
    const others = hashes.filter((hash) => !own.has(hash));
    const trusted = await this.queryIn({ ...space, scope: trustedScope }, others);
    return new Map([...own, ...trusted]);
  }

  private async queryIn(space: ArtifactSpace, hashes: readonly string[]): Promise<Map<string, Artifact>> {
    const found = new Map<string, Artifact>();
    for (let start = 0; start < hashes.length; start += hashesPerQuery) {
      const rows = await selectArtifacts(this.options.database.read).where(
        and(
          inSpace(space),
          inArray(artifacts.hash, hashes.slice(start, start + hashesPerQuery)),
          isNull(blobs.quarantinedAt),
        ),
      );
      for (const artifact of rows) {
        if (await this.isSound(artifact)) found.set(artifact.hash, artifact);
        else await this.quarantineUnlessSound(artifact);
      }
    }
    return found;
  }

  /**
   * Keeps an artifact. When it resolves, the artifact is durable and every later `get` finds it; when it rejects, what
   * was under the key before is there still. Of several at once for one key the last to commit stays, whole.
   * @returns how large it is.
   * @throws Refusal `too_large`, `larger_than_quota`, `bad_request` (length), `aborted`, `no_space`, `team_over_limit`,
   *   `conflict` (write-once), `unauthorized` (revoked meanwhile), `unavailable`.
   */
  async put(key: ArtifactKey, facts: ArtifactFacts, upload: Upload): Promise<{ sizeBytes: number }> {
    const { database, maxArtifactSizeBytes, storage } = this.options;
    const by = { teamId: key.teamId, isTrusted: key.scope === trustedScope };
    const room = new UploadRoom(this.capacity, this.teamRoom, by, upload.sizeBytes ?? 0);
    let isRoomKept = false;
    this.transfers.uploadsUnderWay++;
    try {
      // More than the limit is refused before a byte is read, with a better message than that of missing room.
      if ((upload.sizeBytes ?? 0) <= maxArtifactSizeBytes) await room.open();
      const received = await storage.receive(room.coverEach(upload.body), {
        maxSizeBytes: maxArtifactSizeBytes,
        ...(upload.sizeBytes !== undefined && { expectedSizeBytes: upload.sizeBytes }),
      });
      try {
        await this.blobLock.share(received.sha256, async () => {
          await received.publish();
          const { storedBytes, isMended } = await database.write(async (tx) => {
            await upload.authorize?.(tx);
            const { isChanged, ...entered } = await enter(tx, key, facts, received, this.scopeLimit);
            if (isChanged) await upload.record?.(tx, received);
            return entered;
          });
          // At once, since the team's books count it from here on.
          room.settle(storedBytes);
          if (isMended) this.verifier.quarantined--;
        });
      } catch (error) {
        isRoomKept = await this.withdraw(received, room, error);
        throw error;
      }
      this.transfers.countKept(key.tool, received.sizeBytes);
      await received.discard().catch((error) => {
        // The artifact is kept all the same.
        this.options.log.error({ err: error, sha256: received.sha256 }, "upload not yet cleared up");
      });
      return { sizeBytes: received.sizeBytes };
    } finally {
      if (!isRoomKept) room.settle(0);
      this.transfers.uploadsUnderWay--;
      this.evictor.wake();
    }
  }

  /** How it does, for those who watch it: cheap, however much is stored. */
  async figures(): Promise<CacheFigures> {
    return await readFigures(this, this.teamRoom, this.transfers);
  }

  /** Takes artifacts out, and writes down who did so. @returns how many they were. */
  async purge(filter: PurgeFilter, by: Actor): Promise<number> {
    return await purge(this.options.database, filter, by);
  }

  /** When nothing is asked of it any more: ends what goes on behind, and writes down what is not yet written. */
  async close(): Promise<void> {
    await this.verifier.stop();
    await this.evictor.stop();
    await this.collector.stop();
    await this.recency.flush();
  }

  /** Whether a team's uploads are refused for its quota. */
  isTeamFull(teamId: string): Promise<boolean> {
    return this.teamRoom.isFull(teamId);
  }

  /**
   * After a put that failed, which is what the caller must hear of and not wait for any longer.
   * @returns whether something is left of it, which keeps its room until the collector has removed it.
   */
  private async withdraw(received: ReceivedBlob, room: UploadRoom, failure: unknown): Promise<boolean> {
    const { sha256, isNamed } = received;
    // Whoever asks the books again, where they cannot be written, would wait as long again.
    const areBooksShut = failure instanceof Refusal && failure.code === "unavailable";
    if (!(isNamed && areBooksShut)) {
      try {
        // A name that was there before is none of this upload's business.
        if (isNamed) await this.collector.discard([sha256]);
        await received.discard();
        return false;
      } catch (error) {
        this.options.log.error({ err: error, sha256 }, "failed upload not yet cleared");
      }
    }
    this.collector.clearLater(received, () => room.settle(0));
    return true;
  }

  private async useBody<Used>(
    artifact: Artifact,
    inParts: boolean,
    use: (artifact: Artifact, body: ArtifactBody) => Used,
  ): Promise<Used | undefined> {
    const { sha256, sizeBytes } = artifact;
    if (sizeBytes <= maxReadBytes && !inParts)
      return await this.options.storage.read(sha256, sizeBytes, (bytes) => use(artifact, bytes));
    const blob = await this.options.storage.find(sha256);
    return blob?.sizeBytes === sizeBytes ? use(artifact, blob.body) : undefined;
  }

  private async isSound({ sha256, sizeBytes }: Artifact): Promise<boolean> {
    return (await this.options.storage.find(sha256))?.sizeBytes === sizeBytes;
  }

  private async quarantineUnlessSound(artifact: Artifact): Promise<void> {
    try {
      await this.verifier.quarantineUnlessSound(artifact, () => this.isSound(artifact));
    } catch (error) {
      // It is a miss all the same, and the next one to ask tries again.
      this.options.log.error({ err: error, sha256: artifact.sha256 }, "blob not quarantined");
    }
  }
}

function inSpace(space: ArtifactSpace) {
  return and(
    eq(artifacts.teamId, space.teamId),
    eq(artifacts.tool, space.tool),
    eq(artifacts.scope, space.scope),
  );
}
