import type { Capacity, Reservation } from "./capacity.ts";
import type { TeamRoom } from "./team-room.ts";

/** For a body that does not say how long it is, room is taken in steps of this size after the first. */
const reservationStepBytes = 1024 * 1024;

/** The room that one upload takes, in the server and in its team. */
export class UploadRoom {
  /** Of what was received, what the storage holds now and did not before. */
  storedBytes = 0;
  private reservation: Reservation | undefined;
  private covered = 0;

  constructor(
    private readonly capacity: Capacity,
    private readonly teamRoom: TeamRoom,
    private readonly teamId: string,
  ) {}

  async cover(sizeBytes: number): Promise<void> {
    if (sizeBytes > this.covered) {
      await this.teamRoom.take(this.teamId, sizeBytes - this.covered, this.covered);
      this.covered = sizeBytes;
    }
    if (this.reservation) await this.reservation.cover(sizeBytes);
    else this.reservation = await this.capacity.reserve(sizeBytes);
  }

  /** Passes a body on, and takes more room before more comes than was announced. */
  async *coverEach(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > this.covered)
        // Up to the first step nothing beyond what has come, or a small artifact would not fit into a small quota.
        await this.cover(sizeBytes + (sizeBytes > reservationStepBytes ? reservationStepBytes : 0));
      this.reservation?.wrote(chunk.byteLength);
      yield chunk;
    }
  }

  settle(): void {
    this.reservation?.settle(this.storedBytes);
    this.teamRoom.give(this.teamId, this.covered);
  }
}
