import { and, asc, eq, gt, inArray, isNotNull, isNull } from "drizzle-orm";
import type { Logger } from "pino";
import { type Actor, recordAudit } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { blobs } from "../database/schema.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import type { Capacity } from "./capacity.ts";
import type { Collector } from "./collector.ts";
import type { KeyedLock } from "./keyed-lock.ts";

export interface VerifierOptions {
  database: Database;
  storage: BlobStorage;
  capacity: Capacity;
  collector: Collector;
  blobLock: KeyedLock;
  /** How many are in quarantine at the start. */
  quarantinedBlobs: number;
  /** Who takes out what is damaged. */
  by: Actor;
  log: Logger;
}

export interface VerifyOptions {
  /** How fast blobs are read; undefined for as fast as the disk. */
  bytesPerSecond?: number | undefined;
  signal?: AbortSignal;
  /** Beside a running server: rotten blobs are pointed out to it, and nothing is touched. */
  onlyReport?: boolean;
  /** Told after each blob. */
  onProgress?: (report: VerifyReport) => void;
}

export interface VerifyReport {
  blobs: number;
  sizeBytes: number;
  /** Names of blobs whose bytes are missing, of the wrong size, or other than their name says. */
  rotten: string[];
  /** Names of files that no row knows. */
  unknown: string[];
}

/** How far the reading of all that is stored has come, in this process. */
export interface VerifyProgress {
  /** Of the round under way, or of the last one. */
  blobs: number;
  sizeBytes: number;
  /** When that began; undefined before the first. */
  startedAt: number | undefined;
  /** When one was last completed. */
  completedAt: number | undefined;
}

interface BlobCheck {
  onlyReport?: boolean | undefined;
  pace?: (sizeBytes: number) => Promise<void>;
}

const rowsPerStep = 200;
const pauseMs = 20;

/** Reads all that is stored and compares it with the books. */
export class Verifier {
  /** How many blobs are in quarantine, and how many ever went there in this process. */
  quarantined: number;
  quarantinedEver = 0;
  private round: { report: VerifyReport; startedAt: number } | undefined;
  private completedAt: number | undefined;
  private atLeisure = new AbortController();
  private asked: { stopping: AbortController; done: Promise<void> } | undefined;

  constructor(private readonly options: VerifierOptions) {
    this.quarantined = options.quarantinedBlobs;
  }

  get progress(): VerifyProgress {
    const { report, startedAt } = this.round ?? {};
    return {
      blobs: report?.blobs ?? 0,
      sizeBytes: report?.sizeBytes ?? 0,
      startedAt,
      completedAt: this.completedAt,
    };
  }

  /** Checks every blob and every file; quarantines what is rotten and removes what nobody knows. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const report: VerifyReport = { blobs: 0, sizeBytes: 0, rotten: [], unknown: [] };
    this.round = { report, startedAt: Date.now() };
    const pace = new Pace(options.bytesPerSecond);
    for await (const blob of this.rows()) {
      if (options.signal?.aborted) return report;
      await this.verifyBlob(blob, report, {
        onlyReport: options.onlyReport,
        pace: (sizeBytes) => pace.after(sizeBytes, options.signal),
      });
      options.onProgress?.(report);
    }
    await this.findUnknown(report, options);
    if (!options.signal?.aborted) this.completedAt = Date.now();
    return report;
  }

  /** The same at leisure, which gives way to a round that somebody asks for. */
  async verifyAtLeisure(options: { bytesPerSecond: number; signal: AbortSignal }): Promise<VerifyReport> {
    if (this.asked) return { blobs: 0, sizeBytes: 0, rotten: [], unknown: [] };
    this.atLeisure = new AbortController();
    const signal = AbortSignal.any([options.signal, this.atLeisure.signal]);
    return await this.verify({ ...options, signal });
  }

  /**
   * Begins a round that somebody asks for, in the place of any that is under way; `progress` tells how far it has come. Who asked
   * is written down, and once more with what was found.
   * @param bytesPerSecond as of `verify`.
   * @returns with `done`, which resolves with its end.
   */
  async begin(bytesPerSecond: number | undefined, by: Actor): Promise<{ done: Promise<void> }> {
    const { database, log } = this.options;
    const details = { bytesPerSecond: bytesPerSecond ?? null };
    await database.write((tx) => recordAudit(tx, by, { kind: "storage.verify", details }));
    this.atLeisure.abort();
    this.asked?.stopping.abort();
    const stopping = new AbortController();
    const { signal } = stopping;
    const round = verifyFor(by, this, database, { bytesPerSecond, signal }).then(
      ({ rotten, unknown }) => {
        if (rotten.length + unknown.length > 0) log.warn({ rotten, unknown }, "blobs verified");
      },
      (error) => log.error({ err: error }, "verification failed"),
    );
    const asked = { stopping, done: Promise.all([this.asked?.done, round]).then(() => {}) };
    this.asked = asked;
    void asked.done.then(() => {
      if (this.asked === asked) this.asked = undefined;
    });
    return { done: asked.done };
  }

  /** Ends a round that somebody has asked for. */
  async stop(): Promise<void> {
    this.asked?.stopping.abort();
    await this.asked?.done;
  }

  /** Looks at what a check beside the server found wrong. */
  async verifySuspects(): Promise<void> {
    const suspects = await this.options.database.read
      .select()
      .from(blobs)
      .where(isNotNull(blobs.suspectedAt));
    const report: VerifyReport = { blobs: 0, sizeBytes: 0, rotten: [], unknown: [] };
    for (const blob of suspects) await this.verifyBlob(blob, report);
    if (suspects.length === 0) return;
    await this.options.database.write(async (tx) => {
      const ids = suspects.map((blob) => blob.id);
      await tx.update(blobs).set({ suspectedAt: null }).where(inArray(blobs.id, ids));
    });
  }

  /**
   * Unless `isSound` says otherwise once nobody else touches the blob: every artifact that points at it is a miss from now
   * on, until the same bytes are uploaded again.
   * @returns whether it was quarantined.
   */
  async quarantineUnlessSound(
    { sha256, sizeBytes }: { sha256: string; sizeBytes: number },
    isSound: () => Promise<boolean>,
  ): Promise<boolean> {
    const { blobLock, by, capacity, database, log, storage } = this.options;
    return await blobLock.exclude([sha256], async () => {
      if (await isSound()) return false;
      await storage.quarantine(sha256);
      const changed = await database.write(async (tx) => {
        const rows = await tx
          .update(blobs)
          .set({ quarantinedAt: Date.now() })
          .where(and(eq(blobs.sha256, sha256), isNull(blobs.quarantinedAt)))
          .returning({ id: blobs.id });
        if (rows.length > 0)
          await recordAudit(tx, by, { kind: "blob.quarantine", target: sha256, details: { sizeBytes } });
        return rows;
      });
      if (changed.length === 0) return false;
      capacity.add(-sizeBytes);
      this.quarantined++;
      this.quarantinedEver++;
      log.error({ sha256, sizeBytes }, "blob quarantined");
      return true;
    });
  }

  private async *rows() {
    for (let lastId = 0; ; ) {
      const rows = await this.options.database.read
        .select()
        .from(blobs)
        .where(and(gt(blobs.id, lastId), isNull(blobs.quarantinedAt)))
        .orderBy(asc(blobs.id))
        .limit(rowsPerStep);
      yield* rows;
      if (rows.length < rowsPerStep) return;
      lastId = rows.at(-1)?.id ?? 0;
    }
  }

  private async verifyBlob(
    blob: { sha256: string; sizeBytes: number },
    report: VerifyReport,
    { onlyReport = false, pace }: BlobCheck = {},
  ): Promise<void> {
    report.blobs++;
    report.sizeBytes += blob.sizeBytes;
    const { storage } = this.options;
    if ((await storage.digest(blob.sha256, pace)) === blob.sha256) return;
    if (onlyReport) {
      // What the server has let go of since may have been collected, and is not missing.
      const suspects = await this.options.database.write((tx) =>
        tx
          .update(blobs)
          .set({ suspectedAt: Date.now() })
          .where(and(eq(blobs.sha256, blob.sha256), isNull(blobs.releasedAt), isNull(blobs.quarantinedAt)))
          .returning({ sha256: blobs.sha256 }),
      );
      report.rotten.push(...suspects.map(({ sha256 }) => sha256));
      return;
    }
    // It may have been collected, or mended, since its row was read. Others wait for this look, so it is not paced.
    const isSound = async () => (await storage.digest(blob.sha256)) === blob.sha256;
    if (await this.quarantineUnlessSound(blob, isSound)) report.rotten.push(blob.sha256);
  }

  private async findUnknown(report: VerifyReport, options: VerifyOptions): Promise<void> {
    const { signal, onlyReport, bytesPerSecond } = options;
    for await (const names of this.options.storage.list()) {
      if (signal?.aborted) return;
      // A check at leisure leaves the others time between its steps.
      if (bytesPerSecond !== undefined) await Bun.sleep(pauseMs);
      const unknown = await this.withoutRow(names);
      // An upload that was about to enter it in the books keeps it: `discard` waits for it and looks again.
      if (unknown.length > 0 && !onlyReport) await this.options.collector.discard(unknown);
      report.unknown.push(...(await this.withoutRow(unknown)));
    }
  }

  private async withoutRow(names: string[]): Promise<string[]> {
    const known = await this.options.database.read
      .select({ sha256: blobs.sha256 })
      .from(blobs)
      .where(inArray(blobs.sha256, names));
    const rows = new Set(known.map((blob) => blob.sha256));
    return names.filter((name) => !rows.has(name));
  }
}

/** Checks all, and writes down who asked for it if anything was found. */
export async function verifyFor(
  by: Actor,
  verifier: Verifier,
  database: Database,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const report = await verifier.verify(options);
  const { blobs, rotten, unknown } = report;
  if (rotten.length + unknown.length > 0) {
    const beside = options.onlyReport ?? false;
    const details = { blobs, rotten: rotten.length, unknown: unknown.length, beside };
    await database.write((tx) => recordAudit(tx, by, { kind: "storage.verify", details }));
  }
  return report;
}

/** Spreads reading over time. */
class Pace {
  private dueAt = performance.now();

  constructor(private readonly bytesPerSecond: number | undefined) {}

  async after(sizeBytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.bytesPerSecond === undefined) return;
    this.dueAt = Math.max(this.dueAt, performance.now() - 1_000) + (sizeBytes / this.bytesPerSecond) * 1_000;
    while (performance.now() < this.dueAt && !signal?.aborted) {
      await Bun.sleep(Math.min(this.dueAt - performance.now(), 200));
    }
  }
}
