import { count, eq } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database, Queries } from "../database/database.ts";
import { deleteInSteps } from "../database/delete-in-steps.ts";
import { given, prepared } from "../database/prepared.ts";
import { audit, tokens, users } from "../database/schema.ts";
import { type Actor, recordAudit, uploadKind } from "./audit-log.ts";
import { boundedDetails } from "./bounded-details.ts";
import { oldestFirst } from "./expire-audit.ts";

/** What was uploaded, and under which key. */
export interface RecordedUpload {
  teamId: string;
  tool: string;
  scope: string;
  hash: string;
  /** Of its bytes, in hex. */
  sha256: string;
  sizeBytes: number;
}

/** Some 300 MB; what writing tokens make the disk hold must have an end. */
const maxKept = 500_000;
/** Of what a CI job proved of itself, in each of its uploads' rows. All of it stands in that of its token. */
const maxClaimCharacters = 600;

/** More tokens than this that upload at once cost a look-up (40 µs) now and then, not memory. */
const maxRemembered = 1_000;
const rememberedForMs = 60_000;

const tokenOfId = prepared((queries) =>
  queries
    .select({ claims: tokens.claims, policyId: tokens.policyId, user: users.email })
    .from(tokens)
    .leftJoin(users, eq(users.id, tokens.userId))
    .where(eq(tokens.id, given("id"))),
);

/** Writes down who uploaded what. Beyond the limit the oldest uploads are forgotten, and nothing else is. */
export class UploadLog {
  private kept: number | undefined;
  /** Since the rows were counted. */
  private added = 0;
  private trimming: Promise<void> | undefined;
  private readonly trimEvery: number;
  /** What the rows of a token's uploads say of it. Only a user's address ever changes, and shows within a minute. */
  private readonly tokenDetails = new Map<string, Record<string, unknown>>();
  private forgetAt = 0;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
    private readonly limit = maxKept,
  ) {
    this.trimEvery = Math.min(2_000, Math.ceil(limit / 10));
  }

  /** In the transaction that keeps the artifact. */
  async record(tx: Queries, by: Actor, { teamId, hash, ...facts }: RecordedUpload): Promise<void> {
    const ofToken = by.kind === "token" && by.id !== null ? await this.detailsOf(tx, by.id) : undefined;
    await recordAudit(tx, by, { kind: uploadKind, teamId, target: hash, details: { ...facts, ...ofToken } });
    if (++this.added >= this.trimEvery) this.wake();
  }

  /** Resolves when no more rows than the limit are kept, but for those that come meanwhile. */
  async trim(): Promise<void> {
    this.trimming ??= this.round().finally(() => {
      this.trimming = undefined;
    });
    await this.trimming;
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.trimming?.catch(() => {});
  }

  private async detailsOf(tx: Queries, tokenId: string): Promise<Record<string, unknown>> {
    const now = performance.now();
    if (now > this.forgetAt || this.tokenDetails.size >= maxRemembered) {
      this.tokenDetails.clear();
      this.forgetAt = now + rememberedForMs;
    }
    const known = this.tokenDetails.get(tokenId);
    if (known) return known;
    const [token] = await tokenOfId(tx).execute({ id: tokenId });
    const found = {
      ...(token?.user && { user: token.user }),
      ...(token?.policyId && { policyId: token.policyId }),
      ...(token?.claims && { claims: boundedDetails(token.claims, maxClaimCharacters) }),
    };
    this.tokenDetails.set(tokenId, found);
    return found;
  }

  private wake(): void {
    this.trim().catch((error) =>
      this.log.error({ err: error }, "old uploads not removed from the audit log"),
    );
  }

  private async round(): Promise<void> {
    const added = this.added;
    this.added = 0;
    this.kept = this.kept === undefined ? await this.count() : this.kept + added;
    if (this.kept <= this.limit) return;
    // Some have expired since they were counted.
    this.kept = await this.count();
    if (this.kept <= this.limit) return;
    const removed = await deleteInSteps(this.database, audit, eq(audit.kind, uploadKind), {
      order: oldestFirst,
      atMost: this.kept - this.limit,
    });
    this.kept -= removed;
    if (removed > 0) this.log.warn({ removed, kept: this.kept }, "oldest uploads removed from the audit log");
  }

  private async count(): Promise<number> {
    const [row] = await this.database.read
      .select({ uploads: count() })
      .from(audit)
      .where(eq(audit.kind, uploadKind));
    return row?.uploads ?? 0;
  }
}
