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
  /** At most so many rows there are: some may have expired since they were counted. Unknown before the first count. */
  private kept: number | undefined;
  /** What the rows of a token's uploads say of it. Only a user's address ever changes, and shows within a minute. */
  private readonly tokenDetails = new Map<string, Record<string, unknown>>();
  private forgetAt = 0;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
    private readonly limit = maxKept,
  ) {}

  /** In the transaction that keeps the artifact. */
  async record(tx: Queries, by: Actor, { teamId, hash, ...facts }: RecordedUpload): Promise<void> {
    const ofToken = by.kind === "token" && by.id !== null ? await this.detailsOf(tx, by.id) : undefined;
    await recordAudit(tx, by, { kind: uploadKind, teamId, target: hash, details: { ...facts, ...ofToken } });
    if (this.kept !== undefined) this.kept++;
  }

  /**
   * When there are more rows than the limit: forgets the oldest, and a twentieth more than it has to, so that it counts seldom.
   * To be called again and again; mostly it costs nothing.
   */
  async trim(signal?: AbortSignal): Promise<void> {
    if (this.kept !== undefined && this.kept <= this.limit) return;
    this.kept = await this.count();
    if (this.kept <= this.limit) return;
    const removed = await deleteInSteps(this.database, audit, eq(audit.kind, uploadKind), {
      order: oldestFirst,
      atMost: this.kept - this.limit + Math.floor(this.limit / 20),
      signal,
    });
    this.kept -= removed;
    if (removed > 0) this.log.warn({ removed, kept: this.kept }, "oldest uploads removed from the audit log");
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

  /** 30 ms where there are as many as may be. */
  private async count(): Promise<number> {
    const [row] = await this.database.read
      .select({ uploads: count() })
      .from(audit)
      .where(eq(audit.kind, uploadKind));
    return row?.uploads ?? 0;
  }
}
