import type { Happening } from "./happening.ts";
import { NameRing } from "./name-ring.ts";
import type { Source } from "./sources.ts";

/** No size that an artifact has: none was transferred. */
const noBytes = -1;

/** What has happened, and waits for the session that it belongs to: by its source and hash, as told by `NameRing`. */
export class WaitingHappenings {
  private readonly ring: NameRing;
  private readonly sources: Source[] = [];
  private readonly kinds: Uint8Array;
  private readonly durationsMs: Float64Array;
  private readonly sizesBytes: Float64Array;

  /** @param expired called for each that no session has taken in time, or for which there is no more room. */
  constructor(capacity: number, expired: (source: Source, happening: Happening) => void) {
    this.kinds = new Uint8Array(capacity);
    this.durationsMs = new Float64Array(capacity);
    this.sizesBytes = new Float64Array(capacity);
    this.ring = new NameRing(capacity, (place) =>
      expired(this.sources[place] as Source, this.happeningAt(place, this.ring.nameOf(place))),
    );
  }

  get waiting(): number {
    return this.ring.waiting;
  }

  add(source: Source, { kind, hash, durationMs, sizeBytes, at }: Happening): void {
    const place = this.ring.add(source.number, hash, at);
    this.sources[place] = source;
    this.kinds[place] = kind;
    this.durationsMs[place] = durationMs;
    this.sizesBytes[place] = sizeBytes ?? noBytes;
  }

  take(source: Source, hash: string): Happening | undefined {
    const place = this.ring.take(source.number, hash);
    return place === undefined ? undefined : this.happeningAt(place, hash);
  }

  expire(now: number, maxAgeMs: number): void {
    this.ring.expire(now, maxAgeMs);
  }

  private happeningAt(place: number, hash: string): Happening {
    const sizeBytes = this.sizesBytes[place] as number;
    return {
      kind: this.kinds[place] as number,
      hash,
      durationMs: this.durationsMs[place] as number,
      sizeBytes: sizeBytes === noBytes ? null : sizeBytes,
      at: this.ring.timeOf(place),
    };
  }
}
