/**
 * Where bytes lie. A blob is immutable and named by the SHA-256 of its bytes, in lower-case hex.
 * Drivers are dumb: who may read, what points at a blob and when it may go is decided in `cache/`.
 * Every driver passes the suite in `test/storage/blob-storage-contract.ts`.
 */
export interface BlobStorage {
  /**
   * Streams a body to a place where no reader looks, hashing it on the way; memory does not grow with its size. The chunks
   * are the storage's own from then on: it gives their memory back when they are written.
   * The result is to be settled in any case, by `discard` or by `leave`.
   * @throws Refusal `too_large` as soon as `limits.maxSizeBytes` is passed,
   *   `bad_request` when the body is not exactly `limits.expectedSizeBytes` long,
   *   `aborted` when the sender goes away, `no_space` when the disk is full, `unavailable` when it cannot be written to
   *   or no more files can be opened. Nothing is left behind then.
   */
  receive(body: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<ReceivedBlob>;

  /** The blob's size and bytes, or undefined if there is none. */
  find(sha256: string): Promise<StoredBlob | undefined>;

  /**
   * Reads all bytes of a small blob, which costs half of what `find` and sending its body do, and resolves with what `use`
   * made of them, or with undefined if there is no blob of exactly `sizeBytes`. The bytes are good until `use` returns.
   */
  read<Used>(
    sha256: string,
    sizeBytes: number,
    use: (bytes: Uint8Array<ArrayBuffer>) => Used,
  ): Promise<Used | undefined>;

  /**
   * The SHA-256 of the bytes as they lie there now, or undefined if there are none. Memory does not grow with their size.
   * @param pace told after each part how many bytes it had; the next is not read before it resolves.
   */
  digest(sha256: string, pace?: (sizeBytes: number) => Promise<void>): Promise<string | undefined>;

  /** The names of all blobs, some at a time, in any order. What comes or goes meanwhile may or may not be among them. */
  list(): AsyncIterable<string[]>;

  /** Resolves if a body could be received and published now, and rejects with what is wrong, for an operator to read. */
  check(): Promise<void>;

  /** What else the place would hold, in bytes. */
  freeBytes(): Promise<number>;

  /** Idempotent. A reader that has it open reads on to its end. */
  remove(sha256: string): Promise<void>;

  /** Takes a blob out of the readers' sight and keeps its bytes for inspection. Idempotent. */
  quarantine(sha256: string): Promise<void>;

  /** What has been in quarantine since before this time (milliseconds since 1970), or all that is there. */
  inQuarantine(before?: number): Promise<BlobTotals>;

  /** Removes what has been in quarantine since before this time. @returns what went. */
  emptyQuarantine(before: number): Promise<BlobTotals>;

  /**
   * Clears what a crash or `leave` left of receiving, and yields the name of every blob that was published at that time:
   * whoever keeps the books asks whether it had got that far, and removes the blob if not. To be run before the first
   * `receive`.
   */
  recover(): AsyncIterable<string>;
}

export interface ReceiveLimits {
  maxSizeBytes: number;
  /** What the sender announced, if it did. */
  expectedSizeBytes?: number;
}

export interface ReceivedBlob {
  readonly sha256: string;
  readonly sizeBytes: number;

  /** Whether `publish` gave the blob its name. It did not where the blob was there before, or where it failed earlier. */
  readonly isNamed: boolean;

  /**
   * Makes the blob readable under its name, durably before it resolves. A blob of that name is never replaced,
   * unless its bytes are wrong, and then at once and whole.
   * @throws Refusal `no_space`, `unavailable` as `receive` does.
   */
  publish(): Promise<void>;

  /** Removes what was received, and nothing that was published. */
  discard(): Promise<void>;
}

export interface BlobTotals {
  blobs: number;
  sizeBytes: number;
}

export interface StoredBlob {
  readonly sizeBytes: number;
  /** Goes into a `Response` as it is, and the server answers with a part of it if that is what the client wants. */
  readonly body: Blob | ReadableStream<Uint8Array>;
}
