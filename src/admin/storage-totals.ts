import { type Totals, totals } from "../cache/totals.ts";
import type { Database } from "../database/database.ts";
import type { BlobStorage, BlobTotals } from "../storage/blob-storage.ts";

export type StorageTotalsNow = Totals & { quarantined: BlobTotals };

const keptForMs = 60_000;

/** What everybody together uses. To count a million artifacts takes a while, so it is remembered for a minute. */
export class StorageTotals {
  private counted: { at: number; totals: Promise<StorageTotalsNow> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly storage: BlobStorage,
  ) {}

  read(): Promise<StorageTotalsNow> {
    const now = performance.now();
    if (this.counted && now - this.counted.at < keptForMs) return this.counted.totals;
    const counted = { at: now, totals: this.count() };
    this.counted = counted;
    counted.totals.catch(() => {
      if (this.counted === counted) this.counted = undefined;
    });
    return counted.totals;
  }

  private async count(): Promise<StorageTotalsNow> {
    return { ...(await totals(this.database)), quarantined: await this.storage.inQuarantine() };
  }
}
