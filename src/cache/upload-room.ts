import type { Capacity, Reservation } from "./capacity.ts";
import type { TeamRoom, TeamShare, Uploader } from "./team-room.ts";

/**
 * What is reserved first of what an upload announces, and the steps in which room is taken for a body that does not say how
 * long it is.
 */
const stepBytes = 1024 * 1024;

const nothing: TeamShare = { reservedBytes: 0, promisedBytes: 0 };

/** The room that one upload takes, in the server and in its team. */
export class UploadRoom {
  private reservation: Reservation | undefined;
  private share: TeamShare = nothing;

  constructor(
    private readonly capacity: Capacity,
    private readonly teamRoom: TeamRoom,
    private readonly by: Uploader,
    /** What the client says that comes; 0 if it says nothing. */
    private readonly announcedBytes: number,
  ) {}

  /**
   * Before the first byte comes. Room is promised for all that was announced, and reserved for what comes next: whoever
   * announces much and sends little shall make nothing go.
   */
  async open(): Promise<void> {
    await this.cover(Math.min(this.announcedBytes, stepBytes));
  }

  /** Passes a body on, and takes more room before more comes than there is room for. */
  async *coverEach(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > this.share.reservedBytes) await this.cover(this.ahead(sizeBytes));
      this.reservation?.wrote(chunk.byteLength);
      yield chunk;
    }
  }

  /**
   * Gives back what was taken. Only the first call counts.
   * @param storedBytes of what was received, what the storage holds now and did not before.
   */
  settle(storedBytes: number): void {
    this.reservation?.settle(storedBytes);
    this.teamRoom.give(this.by, this.share);
    this.reservation = undefined;
    this.share = nothing;
  }

  /** What to reserve when so much has come. */
  private ahead(sizeBytes: number): number {
    // As much again as has come, so that a large upload asks a few times only.
    if (sizeBytes <= this.announcedBytes) {
      return Math.min(this.announcedBytes, sizeBytes + Math.max(sizeBytes, stepBytes));
    }
    // Up to the first step nothing beyond what has come, or a small artifact would not fit into a small quota.
    return sizeBytes + (sizeBytes > stepBytes ? stepBytes : 0);
  }

  private async cover(reservedBytes: number): Promise<void> {
    const promisedBytes = Math.max(reservedBytes, this.announcedBytes);
    const share = { reservedBytes, promisedBytes };
    await this.teamRoom.grow(this.by, this.share, share);
    this.share = share;
    if (this.reservation) await this.reservation.cover(reservedBytes);
    else this.reservation = await this.capacity.reserve(reservedBytes, promisedBytes, this.by.isTrusted);
  }
}
