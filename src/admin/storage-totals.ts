import { artifactsAmongFirst, type Totals, totals } from "../cache/totals.ts";
import type { Database } from "../database/database.ts";
import { Remembered } from "../remembered.ts";
import type { BlobStorage, BlobTotals } from "../storage/blob-storage.ts";

export type StorageTotalsNow = Totals & { quarantined: BlobTotals };

const maxAgeMs = 60_000;

/** As many as are counted at once whenever somebody asks (some milliseconds). */
const maxCountedAtOnce = 5_000;

/** What everybody together uses. To count a million artifacts takes a while, so it is remembered for a minute. */
export class StorageTotals {
  private readonly counted = new Remembered(() => this.count(), maxAgeMs);

  constructor(
    private readonly database: Database,
    private readonly storage: BlobStorage,
  ) {}

  read(): Promise<StorageTotalsNow> {
    return this.counted.get();
  }

  /**
   * How many artifacts teams have, without those that are damaged: as of now where they are few, else up to a minute old.
   * @param teamIds undefined for all.
   */
  async artifactsOf(teamIds: readonly string[] | undefined): Promise<number> {
    const few = await artifactsAmongFirst(this.database, teamIds, maxCountedAtOnce);
    if (few.isAll) return few.artifacts;
    const { teams } = await this.read();
    const counted = teams
      .filter(({ teamId }) => teamIds?.includes(teamId) ?? true)
      .reduce((total, { artifacts }) => total + artifacts, 0);
    // They may have come since.
    return Math.max(counted, few.artifacts);
  }

  private async count(): Promise<StorageTotalsNow> {
    return { ...(await totals(this.database)), quarantined: await this.storage.inQuarantine() };
  }
}
