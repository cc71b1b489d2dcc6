import { and, count, eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts } from "../database/schema.ts";
import type { ArtifactSpace } from "./artifact.ts";
import { isUntrusted, takeOutSome } from "./books.ts";

/**
 * Of a tool in one untrusted scope of a team. An artifact's row and indexes take up to some 3 KB of the database, which neither
 * a quota nor `maxSize` counts, and equal bytes under thousands of hashes take nothing else.
 */
export const maxArtifactsPerScope = 20_000;

const maxRemembered = 10_000;

/** Walks the index of the keys, and no rows. */
const countOfSpace = prepared((queries) =>
  queries
    .select({ artifacts: count() })
    .from(artifacts)
    .where(
      and(
        eq(artifacts.teamId, given("teamId")),
        eq(artifacts.tool, given("tool")),
        eq(artifacts.scope, given("scope")),
      ),
    ),
);

/** Keeps what one untrusted scope can hold within bounds. */
export class ScopeLimit {
  /** How many there are at most, by space: counting 20,000 takes 2 ms, in which nobody else can write. */
  private readonly known = new Map<string, number>();

  constructor(private readonly maxArtifacts = maxArtifactsPerScope) {}

  /**
   * Before a new artifact: where the scope is full, its least recently used hundredth goes. If the transaction is undone, the
   * scope may hold a hundredth too much until it is counted again.
   */
  async makeRoom(tx: Queries, { teamId, tool, scope }: ArtifactSpace): Promise<void> {
    const name = `${teamId} ${tool} ${scope}`;
    let artifactCount = this.known.get(name) ?? this.maxArtifacts;
    if (artifactCount >= this.maxArtifacts) {
      const [row] = await countOfSpace(tx).execute({ teamId, tool, scope });
      artifactCount = row?.artifacts ?? 0;
    }
    if (artifactCount >= this.maxArtifacts) {
      const excess = artifactCount - this.maxArtifacts + Math.ceil(this.maxArtifacts / 100);
      const ofSpace = [eq(artifacts.teamId, teamId), eq(artifacts.tool, tool), eq(artifacts.scope, scope)];
      await takeOutSome(tx, and(isUntrusted, ...ofSpace), excess);
      artifactCount -= excess;
    }
    if (this.known.size >= maxRemembered) this.known.clear();
    this.known.set(name, artifactCount + 1);
  }
}
