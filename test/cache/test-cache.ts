import { join } from "node:path";
import { and, eq } from "drizzle-orm";
import { pino } from "pino";
import { serverActor } from "../../src/audit/audit-log.ts";
import { type ArtifactFacts, type ArtifactKey, trustedScope } from "../../src/cache/artifact.ts";
import { Cache, type CacheOptions } from "../../src/cache/cache.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { artifacts } from "../../src/database/schema.ts";
import { type Team, type TeamChange, Teams } from "../../src/identity/teams.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { bodyOf, bytes } from "../storage/blob-storage-contract.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export interface TestCache extends AsyncDisposable {
  cache: Cache;
  database: Database;
  storage: DiskStorage;
  folder: string;
  team: Team;
  /** What was logged, parsed. */
  logged: Record<string, unknown>[];
  put(hash: string, content: string, more?: PutOptions): Promise<{ sizeBytes: number }>;
  /** Puts a body of which so many bytes are announced. */
  putFrom(
    hash: string,
    body: AsyncIterable<Uint8Array>,
    sizeBytes: number,
    scope?: string,
  ): Promise<{ sizeBytes: number }>;
  /** The artifact's bytes as text, or undefined for a miss. */
  get(hash: string, team?: Team, scope?: string): Promise<string | undefined>;
  /** Lets an artifact have been used last at this time, in milliseconds since 1970. */
  setLastUsed(hash: string, lastUsedAt: number, team?: Team): Promise<void>;
  /** The hashes of a team's artifacts, in order. */
  hashes(team?: Team): Promise<string[]>;
  /** Names of the blobs that lie on the disk. */
  blobFiles(): Promise<string[]>;
}

export interface PutOptions {
  team?: Team;
  /** The trusted one, if not said. */
  scope?: string;
  facts?: Partial<ArtifactFacts>;
  /** Says before how many bytes come, as a Content-Length does. */
  isAnnounced?: boolean;
}

export const noFacts: ArtifactFacts = {
  durationMs: 0,
  tag: null,
  sha: null,
  dirtyHash: null,
  clientCi: null,
  clientInteractive: null,
  writtenBy: null,
};

/** A cache on a folder of its own, with one team. */
export async function openTestCache(
  teamChange: TeamChange = {},
  limits: Partial<CacheOptions> = {},
): Promise<TestCache> {
  const folder = temporaryFolder();
  const database = openDatabase(join(folder.path, "larder.db"));
  const storage = await DiskStorage.open(folder.path);
  const logged: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  const cache = await Cache.open({
    database,
    storage,
    maxArtifactSizeBytes: 1024 * 1024,
    maxSizeBytes: undefined,
    minFreeBytes: 0,
    maxAgeMs: undefined,
    scopeMaxAgeMs: undefined,
    log,
    ...limits,
  });
  await new Teams(database, serverActor).ensureDefault();
  const team = await new Teams(database, serverActor).set("default", teamChange);
  const keyOf = (hash: string, of: Team = team, scope = trustedScope): ArtifactKey => ({
    teamId: of.id,
    tool: "turbo",
    scope,
    hash,
  });
  return {
    cache,
    database,
    storage,
    folder: folder.path,
    team,
    logged,
    put: (hash, content, more = {}) =>
      cache.put(
        keyOf(hash, more.team, more.scope),
        { ...noFacts, ...more.facts },
        {
          body: bodyOf(bytes(content)),
          ...(more.isAnnounced && { sizeBytes: bytes(content).byteLength }),
        },
      ),
    putFrom: (hash, body, sizeBytes, scope) =>
      cache.put(keyOf(hash, team, scope), noFacts, { body, sizeBytes }),
    async get(hash, of, scope) {
      const found = await cache.get(keyOf(hash, of, scope), (_artifact, body) => new Response(body));
      return await found?.text();
    },
    setLastUsed: (hash, lastUsedAt, of = team) =>
      database.write(async (tx) => {
        await tx
          .update(artifacts)
          .set({ lastUsedAt })
          .where(and(eq(artifacts.hash, hash), eq(artifacts.teamId, of.id)));
      }),
    async hashes(of = team) {
      const rows = await database.read.select().from(artifacts).where(eq(artifacts.teamId, of.id));
      return rows.map((row) => row.hash).sort();
    },
    blobFiles: async () =>
      (await Array.fromAsync(new Bun.Glob("*/*").scan({ cwd: join(folder.path, "blobs") }))).map(
        (path) => path.split("/").at(-1) as string,
      ),
    async [Symbol.asyncDispose]() {
      await cache.close();
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}
