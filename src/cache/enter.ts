import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.ts";
import { given, prepared } from "../database/prepared.ts";
import { artifacts, blobs, teams } from "../database/schema.ts";
import { Refusal } from "../refusal.ts";
import { type ArtifactFacts, type ArtifactKey, trustedScope } from "./artifact.ts";
import { addUsed, isHeld } from "./books.ts";
import type { ScopeLimit } from "./scope-limit.ts";

const overwriteRule = prepared((queries) =>
  queries
    .select({ slug: teams.slug, overwrite: teams.overwrite })
    .from(teams)
    .where(eq(teams.id, given("teamId"))),
);

const isOfKey = and(
  eq(artifacts.teamId, given("teamId")),
  eq(artifacts.tool, given("tool")),
  eq(artifacts.scope, given("scope")),
  eq(artifacts.hash, given("hash")),
);

const blobOfKey = prepared((queries) =>
  queries
    .select({
      blobId: artifacts.blobId,
      tag: artifacts.tag,
      sha256: blobs.sha256,
      sizeBytes: blobs.sizeBytes,
      quarantinedAt: blobs.quarantinedAt,
    })
    .from(artifacts)
    .innerJoin(blobs, eq(blobs.id, artifacts.blobId))
    .where(isOfKey),
);

const blobOfName = prepared((queries) =>
  queries
    .select({ id: blobs.id, quarantinedAt: blobs.quarantinedAt })
    .from(blobs)
    .where(eq(blobs.sha256, given("sha256"))),
);

const storeBlob = prepared((queries) =>
  queries
    .insert(blobs)
    .values({ sha256: given("sha256"), sizeBytes: given("sizeBytes"), createdAt: given("now") })
    .onConflictDoUpdate({
      target: blobs.sha256,
      set: { sizeBytes: given("sizeBytes"), releasedAt: null, suspectedAt: null, quarantinedAt: null },
    })
    .returning({ id: blobs.id }),
);

const storeArtifact = prepared((queries) => {
  const changing = {
    durationMs: given("durationMs"),
    tag: given("tag"),
    sha: given("sha"),
    dirtyHash: given("dirtyHash"),
    clientCi: given("clientCi"),
    clientInteractive: given("clientInteractive"),
    writtenBy: given("writtenBy"),
    blobId: given("blobId"),
    createdAt: given("now"),
    lastUsedAt: given("now"),
  };
  return queries
    .insert(artifacts)
    .values({
      teamId: given("teamId"),
      tool: given("tool"),
      scope: given("scope"),
      hash: given("hash"),
      ...changing,
    })
    .onConflictDoUpdate({
      target: [artifacts.teamId, artifacts.tool, artifacts.scope, artifacts.hash],
      set: changing,
    });
});

const signArtifact = prepared((queries) =>
  queries
    .update(artifacts)
    .set({ tag: given("tag") })
    .where(isOfKey),
);

const releaseBlob = prepared((queries) =>
  queries
    .update(blobs)
    .set({ releasedAt: given("now") })
    .where(eq(blobs.id, given("blobId"))),
);

/**
 * The one transaction of a put: the artifact points at the blob, and the blob that it pointed at before is let go. A new one
 * takes the oldest of its own scope with it, where that is untrusted and full.
 * @returns how much more the storage holds now: the blob's size if it is new there, else 0; and whether anything changed,
 *   which is not so for the same bytes again where nothing is overwritten, unless they are signed now and were not; and whether the blob was in quarantine.
 * @throws Refusal `conflict` (write-once), `unauthorized` when the team has been deleted.
 */
export async function enter(
  tx: Queries,
  key: ArtifactKey,
  facts: ArtifactFacts,
  blob: { sha256: string; sizeBytes: number },
  scopeLimit: ScopeLimit,
): Promise<{ storedBytes: number; isChanged: boolean; isMended: boolean }> {
  const now = Date.now();
  const [team] = await overwriteRule(tx).execute({ teamId: key.teamId });
  if (!team) throw new Refusal("unauthorized", "The token's team has been deleted.");
  const [before] = await blobOfKey(tx).execute({ ...key });
  const isSame = before?.sha256 === blob.sha256;
  const isSound = before !== undefined && before.quarantinedAt === null;
  if (isSound && team.overwrite === "never") {
    if (!isSame) throw neverOverwritten("bytes", key, team.slug);
    if (facts.tag === null || facts.tag === before.tag)
      return { storedBytes: 0, isChanged: false, isMended: false };
    // Nobody may strip or replace a signature. Where there was none, whoever signs has uploaded these very bytes.
    if (before.tag !== null) throw neverOverwritten("signature", key, team.slug);
    // Whoever wrote them first has written them: a purge goes by that.
    await signArtifact(tx).execute({ ...key, tag: facts.tag });
    return { storedBytes: 0, isChanged: true, isMended: false };
  }
  if (before === undefined && key.scope !== trustedScope) await scopeLimit.makeRoom(tx, key);
  // From here on, since the blobs of what has just gone may be let go.
  const [known] = await blobOfName(tx).execute({ sha256: blob.sha256 });
  const wasHeld = known !== undefined && (await isHeld(tx, key.teamId, known.id));
  const [stored] = await storeBlob(tx).execute({ sha256: blob.sha256, sizeBytes: blob.sizeBytes, now });
  const blobId = (stored as { id: number }).id;
  const clientInteractive = facts.clientInteractive === null ? null : Number(facts.clientInteractive);
  await storeArtifact(tx).execute({ ...key, ...facts, clientInteractive, blobId, now });
  let usedBytes = wasHeld ? 0 : blob.sizeBytes;
  if (before && !isSame) {
    await releaseBlob(tx).execute({ blobId: before.blobId, now });
    if (!(await isHeld(tx, key.teamId, before.blobId))) usedBytes -= before.sizeBytes;
  }
  await addUsed(tx, key.teamId, usedBytes);
  const isMended = known !== undefined && known.quarantinedAt !== null;
  const isNew = known === undefined || isMended;
  return { storedBytes: isNew ? blob.sizeBytes : 0, isChanged: true, isMended };
}

function neverOverwritten(other: "bytes" | "signature", { hash }: ArtifactKey, slug: string): Refusal {
  const what = other === "bytes" ? "other bytes" : "another signature";
  return new Refusal(
    "conflict",
    `Artifact ${hash} is there already with ${what}, and this team's artifacts are never overwritten. ` +
      `\`larder team set ${slug} --overwrite allow\` lifts that.`,
  );
}
