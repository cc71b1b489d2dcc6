import { expect } from "bun:test";

/** The version of what is not there. */
export const absent = 0;

interface Entry {
  /** The versions that a reader may find now. */
  possible: Set<number>;
  /** For each read under way, what has been possible at any time since it began. */
  reads: Set<Set<number>>;
  upload: { version: number; isMeetingPurge: boolean; isUnderWay: boolean } | undefined;
  /** Acknowledged while the purge was under way, so that it may have come after it. */
  metPurge: number | undefined;
}

/**
 * What a team's artifacts may be, as far as its clients can know from what they asked for and what they were answered.
 * A hash has one uploader at a time, and the team one client that purges.
 */
export class KeptArtifacts {
  private readonly entries = new Map<string, Entry>();
  private lastVersion: number = absent;
  private isPurging = false;
  private stake = new Set<string>();

  constructor(readonly hashes: readonly string[]) {
    for (const hash of hashes) {
      this.entries.set(hash, {
        possible: new Set([absent]),
        reads: new Set(),
        upload: undefined,
        metPurge: undefined,
      });
    }
  }

  /** @returns the version of what is to be uploaded; no other upload has it. */
  beginUpload(hash: string): number {
    const entry = this.entryOf(hash);
    const version = ++this.lastVersion;
    entry.upload = { version, isMeetingPurge: this.isPurging, isUnderWay: true };
    this.stake.delete(hash);
    allow(entry, version);
    return version;
  }

  uploadAcknowledged(hash: string): void {
    const entry = this.entryOf(hash);
    const upload = entry.upload as NonNullable<Entry["upload"]>;
    upload.isUnderWay = false;
    if (this.isPurging) entry.metPurge = upload.version;
    // A purge at the same time came before it or after it.
    entry.possible = new Set(upload.isMeetingPurge ? [upload.version, absent] : [upload.version]);
  }

  beginPurge(): void {
    this.isPurging = true;
    this.stake = new Set(this.hashes.filter((hash) => isSettled(this.entryOf(hash))));
    for (const entry of this.entries.values()) {
      if (entry.upload?.isUnderWay) entry.upload.isMeetingPurge = true;
      else entry.upload = undefined;
      entry.metPurge = undefined;
      allow(entry, absent);
    }
  }

  purgeAcknowledged(): void {
    this.isPurging = false;
    this.stake.clear();
    for (const entry of this.entries.values()) {
      // Where the next upload has begun meanwhile, what the one before it has put is there until it is through.
      const versions = [entry.upload?.version, entry.metPurge].filter((version) => version !== undefined);
      entry.possible = new Set([...versions, absent]);
    }
  }

  /** @returns what checks the version that was read, once it is known. */
  beginRead(hash: string): (version: number) => void {
    const entry = this.entryOf(hash);
    const seen = new Set(entry.possible);
    entry.reads.add(seen);
    return (version) => {
      entry.reads.delete(seen);
      expectOneOf(hash, version, seen);
    };
  }

  /** Checks what is there when nothing is under way any more, cut off or not, and builds on it from now on. */
  settle(found: ReadonlyMap<string, number>): void {
    for (const hash of this.hashes) {
      const version = found.get(hash) ?? absent;
      const entry = this.entryOf(hash);
      expectOneOf(hash, version, entry.possible);
      entry.possible = new Set([version]);
      entry.upload = undefined;
      entry.reads.clear();
    }
    // A purge that was cut off took all of them or none.
    const gone = [...this.stake].filter((hash) => (found.get(hash) ?? absent) === absent);
    if (gone.length > 0) expect(gone).toEqual([...this.stake]);
    this.stake.clear();
    this.isPurging = false;
  }

  private entryOf(hash: string): Entry {
    return this.entries.get(hash) as Entry;
  }
}

function allow(entry: Entry, version: number): void {
  for (const possible of [entry.possible, ...entry.reads]) possible.add(version);
}

function isSettled({ possible, upload }: Entry): boolean {
  return !upload?.isUnderWay && possible.size === 1 && !possible.has(absent);
}

function expectOneOf(hash: string, version: number, possible: ReadonlySet<number>): void {
  if (!possible.has(version)) {
    throw new Error(`${hash} is version ${version} and may only be ${[...possible].join(" or ")}.`);
  }
}
