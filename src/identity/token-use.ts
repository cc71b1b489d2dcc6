import { and, eq, isNull, lt, or } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { tokens } from "../database/schema.ts";

/** Uses that lie closer together than this count as one, which spares the database most of them. */
const precisionMs = 60_000;
/** So many wait in memory at most; what comes beyond is forgotten, as in a crash. */
const maxWaiting = 20_000;
/** Short enough that no request notices one. */
const tokensPerStep = 500;

const setLastUsed = prepared((queries) =>
  queries
    .update(tokens)
    .set({ lastUsedAt: given("usedAt") })
    .where(
      and(eq(tokens.id, given("id")), or(isNull(tokens.lastUsedAt), lt(tokens.lastUsedAt, given("usedAt")))),
    ),
);

/**
 * Remembers when which token was used, to the minute, and writes it down now and then. Nobody has to forget what is known of
 * tokens for it, so it is no `writeIdentity`. A crash loses what was not yet written.
 */
export class TokenUse {
  private waiting = new Map<string, number>();
  /** When those that are written down, or wait for it, were used. */
  private readonly noted = new Map<string, number>();
  private flushed: Promise<void> = Promise.resolve();

  constructor(private readonly database: Database) {}

  /** @param tokenId null for the environment's, of which there is no row. */
  note(tokenId: string | null, now = Date.now()): void {
    if (tokenId === null) return;
    const before = this.noted.get(tokenId);
    // A clock that was set back must not keep a token unused.
    if (before !== undefined && Math.abs(now - before) < precisionMs) return;
    if (this.waiting.size >= maxWaiting) return;
    this.noted.set(tokenId, now);
    this.waiting.set(tokenId, now);
  }

  /** Resolves when all that was noted before is written; what could not be waits for the next time. */
  flush(now = Date.now()): Promise<void> {
    const next = this.flushed.then(() => this.write(now));
    this.flushed = next.catch(() => {});
    return next;
  }

  private async write(now: number): Promise<void> {
    const uses = [...this.waiting];
    this.waiting = new Map();
    for (const [id, usedAt] of this.noted) if (Math.abs(now - usedAt) >= precisionMs) this.noted.delete(id);
    for (let start = 0; start < uses.length; start += tokensPerStep) {
      try {
        await this.database.write(async (tx) => {
          for (const [id, usedAt] of uses.slice(start, start + tokensPerStep))
            await setLastUsed(tx).execute({ id, usedAt });
        });
      } catch (error) {
        for (const [id, usedAt] of uses.slice(start)) if (!this.waiting.has(id)) this.waiting.set(id, usedAt);
        throw error;
      }
    }
  }
}
